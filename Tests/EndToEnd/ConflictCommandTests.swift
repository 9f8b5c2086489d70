import Foundation
import Testing

/// `conflicts`, `resolve`, `diff`, `export` and `import` against a hub, and against answers that no hub gives.
@Suite("Conflicts and copies", .serialized, .timeLimit(.minutes(5)))
struct ConflictCommandTests {
    private static let versions = [
        #"{"kind":"note","id":"h","namespace":"n","clock":{"a":1},"hash":"aaaaaaaa11","updated_at":5,"schema_version":2,"#
            + #""body":{"t":"one"},"position":1790000000000001,"author":"laptop"}"#,
        #"{"kind":"note","id":"h","clock":{"b":1},"hash":"bbbbbbbb22","position":1790000000000002,"author":"phone","#
            + #""body":{"t":"two"},"sibling":true,"detail":"two devices wrote at once"}"#,
    ]
    private static let record = #"{"head":\#(versions[0]),"siblings":[\#(versions[1])]}"#

    private func run(_ arguments: [String], _ url: String) throws -> Program {
        try Program(
            arguments + ["--url", url, "--key", "k"],
            environment: ["CARILLON_CONFIG": "", "XDG_CONFIG_HOME": "/nowhere"])
    }

    @Test("conflicts are shown by number, with devices, contents and what the hub says of them, page by page")
    func shows() throws {
        let server = try StandInServer { request in
            let isFirst = !request.query.contains("after=t1")
            let id = isFirst ? "h" : "i"
            let conflict = #"{"kind":"note","id":"\#(id)",\#(ConflictCommandTests.record.dropFirst())"#
            return .init(body: #"{"conflicts":[\#(conflict)]\#(isFirst ? #","next":"t1""# : "")}"#)
        }
        let table = try run(["conflicts", "--kind", "note"], server.url)
        #expect(table.exitStatus() == 0, "\(table.errorText)")
        #expect(table.text.contains("note/h  2 versions\n  1  head  laptop"))
        #expect(table.text.contains("2        phone"))
        for text in [#"{"t":"one"}"#, #"{"t":"two"}"#, "bbbbbbbb22", "two devices wrote at once"] {
            #expect(table.text.contains(text), "\(text)")
        }
        let json = try run(["conflicts", "--json"], server.url)
        #expect(json.exitStatus() == 0)
        #expect(json.lines.count == 2)
        #expect(json.lines.allSatisfy { $0.contains(#""clock":{"b":1}"#) })
    }

    @Test("resolve names the versions that it showed, or those it was told, and says when it was not accepted")
    func resolves() throws {
        let answers = Answers()
        let server = try StandInServer { request in
            guard request.method == "POST" else { return .init(body: ConflictCommandTests.record) }
            return .init(body: answers.answer(to: request.body))
        }
        func resolve(_ arguments: [String], exit: Int32) throws -> NSDictionary? {
            answers.clear()
            let program = try run(["resolve", "note", "h", "--device", "d"] + arguments, server.url)
            #expect(program.exitStatus() == exit, "\(program.errorText)")
            guard let body = answers.last else { return nil }
            let object = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
            return (object?["resolutions"] as? [NSDictionary])?.first
        }
        let both = [["a": 1], ["b": 1]]
        var asked = try resolve(["--keep", "2"], exit: 0)
        #expect(asked?["supersedes"] as? [[String: Int]] == both)
        #expect(asked?["keep"] as? [String: Int] == ["b": 1])
        asked = try resolve(["--keep", "aaaaaa", "--supersedes", "aaaaaaaa11"], exit: 0)
        #expect(asked?["supersedes"] as? [[String: Int]] == [["a": 1]])
        asked = try resolve(["--delete"], exit: 0)
        #expect(asked?["deleted"] as? Bool == true)
        #expect(asked?["namespace"] as? String == "n")
        #expect(asked?["schema_version"] as? Int == 2)
        for wrong in [["--keep", "3"], ["--keep", "cccccc"], ["--delete", "--supersedes", "cccccc"]] {
            #expect(try resolve(wrong, exit: 1) == nil)
        }
        #expect(try resolve([], exit: 64) == nil)
        #expect(try resolve(["--delete", "--keep", "1"], exit: 64) == nil)
        #expect(try resolve(["--body", "/dev/null"], exit: 65) == nil)
        answers.verdict = #"{"verdict":"rejected","error":"unknown_version","message":"no such version"}"#
        #expect(try resolve(["--keep", "1"], exit: 1) != nil)
    }

    @Test("an export that is cut off leaves no file, and says so")
    func cutOff() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-export-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let line = #"{"kind":"n","id":"1","body":1}"# + "\n"
        for missingBytes in [0, 100] {
            let server = try StandInServer { _ in
                .init(type: "application/x-ndjson", body: line + line, missingBytes: missingBytes)
            }
            let export = try run(["export", "-o", folder.appending(path: "out").path], server.url)
            #expect(export.exitStatus() == 75, "\(export.errorText)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        }
    }

    /// Two devices that wrote at once, a deletion, another namespace and plenty of records.
    private func fill(_ hub: HubProcess) throws {
        var lines = (0..<1_500).map { #"{"kind":"note","id":"r\#($0)","clock":{"x":1},"body":{"n": \#($0).0}}"# }
        lines += [
            #"{"kind":"note","id":"both","clock":{"x":1},"body":"one"}"#,
            #"{"kind":"note","id":"both","clock":{"y":1},"body":"two"}"#,
            #"{"kind":"note","id":"both","clock":{"x":2},"body":"one, later"}"#,
            #"{"kind":"note","id":"gone","clock":{"x":1},"deleted":true}"#,
            #"{"kind":"task","id":"t","clock":{"x":1},"namespace":"work","hash":"own","updated_at":7,"body":[1,  2]}"#,
        ]
        let file = hub.folder.appending(path: "fill.ndjson")
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        let push = try hub.run(["push", "--device", "laptop", "--batch", "1000", file.path])
        #expect(push.exitStatus() == 1, "one conflict: \(push.errorText)")
    }

    /// All but positions and authors, which are the hub's and the importer's own.
    private func contents(_ hub: HubProcess) throws -> [String] {
        let pull = try hub.run(["pull", "--all", "--json"])
        #expect(pull.exitStatus() == 0)
        return pull.lines.map { line in
            String(line.replacing(/"position":\d+,"author":"[^"]*"/, with: ""))
        }.sorted()
    }

    @Test("an export is imported into another hub as it was, siblings and deletions too, and again without harm")
    func copies() throws {
        let (hub, other) = (try HubProcess(), try HubProcess())
        try fill(hub)
        let file = hub.folder.appending(path: "all.ndjson").path
        let export = try hub.run(["export", "--deleted", "-o", file])
        #expect(export.exitStatus() == 0, "\(export.errorText)")
        #expect(export.errorText.contains("1504 changes"))
        let live = try hub.run(["export", "--kind", "note"])
        #expect(live.exitStatus() == 0)
        #expect(live.lines.count == 1_500 + 2 + 1)
        let source = try contents(hub)
        for round in 1...2 {
            let program = try other.run(["import", file, "--device", "mover"])
            #expect(program.exitStatus() == 0, "\(program.errorText)")
            #expect(program.errorText.contains("1 kept as siblings"), "\(round): \(program.errorText)")
            #expect(try contents(other) == source)
        }
        let cut = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").prefix(10)
        try Data(cut.joined(separator: "\n").utf8).write(to: URL(filePath: file))
        let part = try other.run(["import", file, "--device", "mover", "--json"])
        #expect(part.exitStatus() == 0)
        #expect(part.errorText.contains("cut off"))
        #expect(part.text.contains(#""duplicate":10"#))
    }
}

/// What a stand-in is asked, and what it says.
private final class Answers: @unchecked Sendable {
    // @unchecked: all of it is reached under `lock`.
    private let lock = NSLock()
    private var body: String?
    private var told = #"{"verdict":"accepted","kind":"note","id":"h","clock":{"a":1,"b":1,"d":1}}"#

    var last: String? { lock.withLock { body } }
    var verdict: String {
        get { lock.withLock { told } }
        set { lock.withLock { told = newValue } }
    }

    func clear() { lock.withLock { body = nil } }

    func answer(to body: String) -> String {
        lock.withLock {
            self.body = body
            return #"{"id":"p","items":[\#(told)]}"#
        }
    }
}
