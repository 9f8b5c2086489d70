import CarillonClient
import Foundation
import Testing

@Suite("Conflicts and their resolution")
struct ConflictAnswerTests {
    private static let head =
        #"{"kind":"note","id":"h","namespace":"n","clock":{"a":1, "b":2},"hash":"h1","updated_at":5,"schema_version":3,"#
        + #""body":{"x": 1.0},"position":10,"author":"laptop"}"#
    private static let sibling =
        #"{"kind":"note","id":"h","clock":{"b":3},"hash":"h2","deleted":true,"position":11,"author":"","sibling":true,"#
        + #""reason":"edit_delete","detail":"an edit met a deletion"}"#

    private func record() throws -> ConflictedRecord {
        let text = "{\"head\":\(ConflictAnswerTests.head),\"siblings\":[\(ConflictAnswerTests.sibling)]}"
        return try #require(RawObject(Array(text.utf8)).flatMap { ConflictedRecord($0) })
    }

    private func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

    @Test("the head comes first, bodies and clocks are the bytes that came")
    func reads() throws {
        let record = try record()
        #expect((record.kind, record.id) == ("note", "h"))
        #expect(record.versions.map(\.hash) == ["h1", "h2"])
        #expect(text(record.versions[0].clock) == #"{"a":1, "b":2}"#)
        #expect(text(record.versions[0].body) == #"{"x": 1.0}"#)
        #expect(record.versions[1].isDeleted)
        #expect(record.versions[1].reason == "edit_delete")
        #expect(record.versions[1].author.isEmpty)
    }

    @Test("a page of conflicts is read with the bytes of each and the place of the next")
    func page() throws {
        let one = "{\"kind\":\"note\",\"id\":\"h\",\"head\":\(ConflictAnswerTests.head),\"siblings\":[]}"
        let page = try #require(ConflictsPage(Array("{\"conflicts\":[\(one)],\"next\":\"t\"}".utf8)))
        #expect(page.next == "t")
        #expect(text(try #require(page.conflicts.first).json) == one)
        #expect(ConflictsPage(Array("{\"conflicts\":[]}".utf8))?.next == nil)
        for bad in ["[]", "{}", "{\"conflicts\":[1]}", "{\"conflicts\":[{}]}", "{\"conflicts\":[{}"] {
            #expect(ConflictsPage(Array(bad.utf8)) == nil, "\(bad)")
        }
    }

    @Test("a resolution names each clock once, and keeps namespace and schema of what it replaces")
    func encodes() throws {
        let versions = try record().versions
        func json(_ content: ResolutionRequest.Content, _ superseded: [StoredVersion]) throws -> NSDictionary {
            let request = ResolutionRequest(
                id: "p", kind: "no\"te", recordID: "h", supersedes: superseded, content: content, updatedAt: 9)
            let answer = try JSONSerialization.jsonObject(with: Data(request.encode())) as? [String: Any]
            return try #require((answer?["resolutions"] as? [NSDictionary])?.first)
        }
        let kept = try json(.keep(versions[1]), versions + [versions[0]])
        #expect(
            kept == [
                "kind": "no\"te", "id": "h", "supersedes": [["a": 1, "b": 2], ["b": 3]], "keep": ["b": 3],
                "hash": "h2",
            ])
        let body = try json(.body(Array("[1]".utf8)[...]), [versions[0]])
        #expect(
            body == [
                "kind": "no\"te", "id": "h", "supersedes": [["a": 1, "b": 2]], "body": [1], "updated_at": 9,
                "schema_version": 3, "namespace": "n",
            ])
        #expect(try json(.deletion, versions)["deleted"] as? Bool == true)
    }
}
