import CarillonClient
import Causality
import Foundation
import Testing

@Suite("Exports, imports and comparisons")
struct ExportTests {
    private static let entry = #"{"kind":"n","id":"1","body":{"sibling":true}}"#
    private static let sibling = #"{"kind":"n","id":"1","body":1, "sibling" : true}"#
    private static let closing = #"{"cursor":"c1.x","count":2}"#

    /// In runs of every length, as a connection may cut them.
    private func stream(_ text: String, by count: Int) -> ExportStream {
        var stream = ExportStream()
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: count) {
            bytes[start..<min(start + count, bytes.count)].withUnsafeBytes { stream.take($0) }
        }
        return stream
    }

    @Test("an export is whole when its last line counts the others", arguments: [1, 2, 7, 1_000])
    func closes(count: Int) {
        let lines = "\(ExportTests.entry)\n\(ExportTests.sibling)\n"
        let whole = stream(lines + ExportTests.closing + "\n", by: count)
        #expect(whole.closing?.count == 2)
        #expect(whole.closing?.cursor == "c1.x")
        #expect(whole.lineCount == 3)
        #expect(stream(lines + ExportTests.closing, by: count).closing == nil)
        #expect(stream(lines, by: count).closing == nil)
        #expect(stream("\(ExportTests.entry)\n\(ExportTests.closing)\n", by: count).closing == nil)
        #expect(stream("", by: count).closing == nil)
        let long = String(repeating: "x", count: 100_000)
        #expect(stream("\"\(long)\"\n\"\(long)\"\n\(ExportTests.closing)\n", by: count).closing?.count == 2)
    }

    @Test("lines are told apart by what they say, not by what their bodies hold")
    func sorts() throws {
        #expect(ImportLine.sort(of: Array(ExportTests.entry.utf8)) == .change)
        #expect(ImportLine.sort(of: Array(ExportTests.sibling.utf8)) == .sibling)
        #expect(ImportLine.sort(of: Array(#"{"kind":"n","id":"1","body":1,"sibling":false}"#.utf8)) == .change)
        #expect(ImportLine.sort(of: Array(" \t\r".utf8)) == .blank)
        #expect(ImportLine.sort(of: Array("no JSON".utf8)) == .change)
        let closing = try #require(ExportStream.Closing(Array(ExportTests.closing.utf8)))
        #expect(ImportLine.sort(of: Array(ExportTests.closing.utf8)) == .closing(closing))
        #expect(ImportLine.sort(of: Array(#"{"kind":"n","cursor":"c","count":1}"#.utf8)) == .change)
    }

    private func change(_ id: Identifier, hash: Identifier, isDeleted: Bool = false) -> Change {
        Change(
            kind: "k", id: id, namespace: "default", clock: VectorClock([.init(replica: "r", counter: 1)]), hash: hash,
            body: [0x31], isDeleted: isDeleted, updatedAt: 0, schemaVersion: 0, embedding: nil, supersedes: [])
    }

    @Test("a manifest holds the last line of each record, sorted by bytes, and no deletions")
    func manifest() {
        var manifest = Manifest()
        // Of U+FF5E and U+10000 the former is less by bytes, the latter by UTF-16.
        for id in ["b", "\u{10000}", "a", "\u{ff5e}", "B"] as [Identifier] { manifest.add(change(id, hash: "1")) }
        manifest.add(change("a", hash: "2"))
        manifest.add(change("b", hash: "3", isDeleted: true))
        #expect(manifest.entries().map(\.id) == ["B", "a", "\u{ff5e}", "\u{10000}"])
        #expect(manifest.entries()[1].hash == "2")
    }

    private func sent(_ request: [UInt8]) throws -> (after: String?, ids: [String], isLast: Bool) {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(request)) as? [String: Any])
        let records = try #require(object["records"] as? [[String: String]])
        return (object["after"] as? String, records.compactMap { $0["id"] }, try #require(object["is_last"] as? Bool))
    }

    private func token(_ id: String) -> String { "n1.6b." + id.utf8.map { String($0, radix: 16) }.joined() }

    @Test("a comparison goes on behind what the hub has compared, and ends when the hub has no more")
    func walks() throws {
        let entries = (0..<12_000).map { index in
            Manifest.Entry(kind: "k", id: Identifier(unchecked: "r\(100_000 + index)"), hash: "h")
        }
        var walk = DiffWalk(entries, kinds: [])
        var request = try sent(walk.request())
        #expect(request.after == nil)
        #expect(request.ids.count == Manifest.requestCountMax)
        #expect(!request.isLast)
        // The hub stopped in the middle: the rest is sent again, behind its token.
        let middle = token("r100099")
        let found = walk.take(
            Array(
                (#"{"missing":[{"kind":"k","id":"x","hash":"h","position":1}],"#
                    + #""different":[{"kind":"k","id":"y","hash":"h","position":1,"deleted":true}],"#
                    + #""unknown":[{"kind":"k","id":"z"}],"next":"\#(middle)","has_more":true}"#).utf8))
        #expect(found?.map(\.way) == [.missing, .different, .unknown])
        #expect(found?.map(\.isDeleted) == [false, true, false])
        request = try sent(walk.request())
        #expect(request.after == middle)
        #expect(request.ids.first == "r100100")
        var rounds = 0
        while !walk.isOver, rounds < 10 {
            rounds += 1
            request = try sent(walk.request())
            let last = try #require(request.ids.last)
            let end = request.isLast ? "" : #""next":"\#(token(last))","#
            let answer = #"{"missing":[],"different":[],"unknown":[],\#(end)"has_more":\#(!request.isLast)}"#
            #expect(walk.take(Array(answer.utf8)) == [])
        }
        #expect(walk.isOver)
        #expect(request.ids.last == "r111999")
    }

    @Test("an answer that leads nowhere ends a comparison")
    func stands() {
        for bad in ["", "{}", #"{"missing":[],"different":[],"unknown":[],"has_more":true}"#] {
            var walk = DiffWalk([], kinds: ["k"])
            _ = walk.request()
            #expect(walk.take(Array(bad.utf8)) == nil)
        }
        var walk = DiffWalk([], kinds: [])
        let again = Array(#"{"missing":[],"different":[],"unknown":[],"next":"n1.6b.6b","has_more":true}"#.utf8)
        #expect(walk.take(again) == [])
        #expect(walk.take(again) == nil)
    }
}
