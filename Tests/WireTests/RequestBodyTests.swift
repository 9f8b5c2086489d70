import Causality
import Storage
import Testing
import Wire

/// Bodies of REST requests, and the tokens and answers that go with them.
@Suite struct RequestBodyTests {
    func name(_ kind: String, _ id: String) -> RecordName {
        RecordName(kind: Identifier(unchecked: kind), id: Identifier(unchecked: id))
    }

    @Test func aNameTokenReadsBackAndNothingElseDoes() {
        for name in [name("note", "n1"), name("\u{1F514}", String(repeating: "x", count: 256)), name(".", " ")] {
            let text = NameToken(name).text
            #expect(NameToken(parsing: text)?.name == name)
            #expect(text.utf8.count <= NameToken.textBytesMax)
        }
        for text in [
            "", "n1", "n1.", "n1..", "n1.6e.", "n1..6e", "n1.6e.6", "n1.6e.6g", "n1.6e.00", "n1.6e.ff", "n2.6e.6e",
            "n1.6e.6e.6e", "n1." + String(repeating: "61", count: 257) + ".61",
        ] {
            #expect(NameToken(parsing: text) == nil, "\(text)")
        }
    }

    @Test func aResolutionBringsItsContentOrNamesTheOneToKeep() throws {
        let body =
            #"{"x":[{"id":"r","resolutions":1}],"id":"r","resolutions":["#
            + #"{"kind":"k","id":"i","supersedes":[{"a":1}],"keep":{"b":2},"hash":"h","namespace":"n"},"#
            + #"{"kind":"k","id":"i","supersedes":[{"a":1}],"body": {"z" : 1.0} ,"keep":null},7,"#
            + #"{"kind":"k","id":"i","supersedes":[{"a":1}],"deleted":true,"namespace":"n"}]}"#
        let request = try ResolveRequest.decode(Array(body.utf8))
        #expect(request.push.id == "r" && request.push.items.count == 4)
        let kept = VersionName(clock: VectorClock([.init(replica: "b", counter: 2)]), hash: "h")
        #expect(
            request.settlements == [
                Settlement(keeps: kept), Settlement(inheritsNamespace: true), Settlement(inheritsNamespace: false),
            ])
        let changes = request.push.items.compactMap { if case .change(let change) = $0 { change } else { nil } }
        #expect(changes.count == 3 && changes.allSatisfy { $0.supersedes.count == 1 })
        #expect(changes[1].body == Array(#"{"z" : 1.0}"#.utf8)[...] && changes[2].isDeleted)
        // A push has no field `keep`: there it is one of a later version, and passed over.
        let pushed = try PushBody.decode(
            Array(#"{"changes":[{"kind":"k","id":"i","clock":{"a":1},"keep":1,"body":1}]}"#.utf8))
        #expect(!pushed.hasRejections)
    }

    /// Postgres takes none in a text: it is refused for every store.
    @Test func aTextThatIsStoredHoldsNoNUL() throws {
        for field in ["name", "platform"] {
            do throws(FrameError) {
                _ = try DeviceRequest.decode(Array(#"{"id":"d","\#(field)":"a\u0000b"}"#.utf8))
                Issue.record("\(field) was taken")
            } catch {
                #expect(error.code == .badField && error.message.contains("NUL"), "\(error)")
            }
        }
        #expect(try DeviceRequest.decode(Array(#"{"id":"d","name":"a\u0001b"}"#.utf8)).name == "a\u{1}b")
    }

    @Test func errorsNameTheirField() {
        for (body, code, word) in [
            (#"{"name":"x"}"#, ErrorCode.missingField, "id"), (#"{"id":1}"#, .badField, "id"),
            (#"{"id":""}"#, .badID, "id"), (#"{"id":"a","name":2}"#, .badField, "name"),
            (#"{"id":"a","platform":"\#(String(repeating: "x", count: 257))"}"#, .badField, "platform"),
            (#"{"id":"a","id":"b"}"#, .badField, "id"), ("[]", .badFrame, "object"), ("", .badJSON, "byte"),
            (#"{"id":"\ud800"}"#, .loneSurrogate, "surrogate"),
        ] {
            do {
                _ = try DeviceRequest.decode(Array(body.utf8))
                Issue.record("\(body) was taken")
            } catch {
                #expect(error.code == code, "\(body)")
                #expect(error.message.contains(word), "\(error.message)")
            }
        }
        let request = try? DeviceRequest.decode(Array(#"{"id":"a","name":null,"later":{"x":[1]}}"#.utf8))
        #expect(request == DeviceRequest(id: "a"))
    }

    /// Random sets on both sides, compared whole and in stretches of every length, against the sets themselves.
    @Test(arguments: 0..<20) func aDiffInStretchesIsTheDiffOfTheWhole(seed: Int) {
        var random = SeededRandom(state: UInt64(seed))
        var mine: [RecordName: Identifier] = [:]
        var theirs: [RecordName: ManifestEntry] = [:]
        for number in 0..<40 {
            let name = name(number % 3 == 0 ? "a" : "b", "\(number)")
            if Bool.random(using: &random) { mine[name] = Bool.random(using: &random) ? "1" : "2" }
            if Bool.random(using: &random) {
                theirs[name] = ManifestEntry(
                    name: name, hash: "1", isDeleted: Int.random(in: 0..<4, using: &random) == 0,
                    position: Position(Int64(number)))
            }
        }
        let missing = theirs.values.filter { mine[$0.name] == nil && !$0.isDeleted }.map(\.name).sorted()
        let different = theirs.values.filter { entry in
            mine[entry.name].map { entry.isDeleted || $0 != entry.hash } ?? false
        }.map(\.name).sorted()
        let unknown = mine.keys.filter { theirs[$0] == nil }.sorted()
        let records = mine.keys.sorted().map { DiffRequest.Item(name: $0, hash: mine[$0] ?? "") }
        let entries = theirs.values.sorted { $0.name < $1.name }
        for (sent, read) in [(100, 100), (1, 100), (3, 2), (100, 1), (7, 5)] {
            var found: (missing: [RecordName], different: [RecordName], unknown: [RecordName]) = ([], [], [])
            var after: RecordName?
            var calls = 0
            repeat {
                let rest = records.filter { item in after.map { $0 < item.name } ?? true }
                let request = DiffRequest(after: after, records: Array(rest.prefix(sent)), isLast: rest.count <= sent)
                let query = request.query(space: "s")
                let range = entries.filter { entry in
                    (query.after.map { $0 < entry.name } ?? true) && (query.upTo.map { !($0 < entry.name) } ?? true)
                }
                let page = ManifestPage(
                    entries: Array(range.prefix(read)), next: range.count > read ? range[read - 1].name : nil)
                let diff = RecordDiff(request, with: page)
                found.missing += diff.missing.map(\.name)
                found.different += diff.different.map(\.name)
                found.unknown += diff.unknown
                after = diff.next
                calls += 1
            } while after != nil && calls < 200
            #expect(found.missing == missing && found.different == different && found.unknown == unknown)
        }
    }
}
