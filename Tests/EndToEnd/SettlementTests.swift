import Foundation
import Testing

/// Conflicts from two devices to their end, and comparisons, against a hub.
@Suite("Settling and comparing", .serialized, .timeLimit(.minutes(5)))
struct SettlementTests {
    private func push(_ hub: HubProcess, _ lines: [String], device: String = "laptop", exit: Int32 = 0) throws {
        let file = hub.folder.appending(path: "push-\(UUID().uuidString).ndjson")
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        let push = try hub.run(["push", "--device", device, file.path])
        #expect(push.exitStatus() == exit, "\(push.errorText)")
    }

    private func conflicts(_ hub: HubProcess) throws -> [String] {
        let list = try hub.run(["conflicts", "--json"])
        #expect(list.exitStatus() == 0, "\(list.errorText)")
        return list.lines.map(String.init)
    }

    private func body(_ hub: HubProcess, _ id: String) throws -> String {
        let get = try hub.run(["get", "note", id])
        _ = get.exitStatus()
        return get.text.trimmingCharacters(in: .newlines)
    }

    @Test("two devices' versions are shown by number, and kept, replaced or deleted by name")
    func settles() throws {
        let hub = try HubProcess()
        for id in ["keep", "body", "gone"] {
            try push(hub, [#"{"kind":"note","id":"\#(id)","clock":{"a":1},"body":{"from": "laptop"}}"#])
            try push(
                hub, [#"{"kind":"note","id":"\#(id)","clock":{"b":1},"body":{"from": "phone"}}"#], device: "phone",
                exit: 1)
        }
        #expect(try conflicts(hub).count == 3)
        let table = try hub.run(["conflicts"])
        #expect(table.exitStatus() == 0)
        #expect(table.text.contains("note/keep  2 versions\n  1  head  laptop"))
        let keep = try hub.run(["resolve", "note", "keep", "--keep", "2", "--device", "laptop"])
        #expect(keep.exitStatus() == 0, "\(keep.errorText)")
        #expect(try body(hub, "keep") == #"{"from": "phone"}"#)
        let file = hub.folder.appending(path: "body.json")
        try Data(" {\"both\":  1}\n".utf8).write(to: file)
        let new = try hub.run(["resolve", "note", "body", "--body", file.path, "--device", "laptop"])
        #expect(new.exitStatus() == 0, "\(new.errorText)")
        #expect(try body(hub, "body") == #"{"both":  1}"#)
        let gone = try hub.run(["resolve", "note", "gone", "--delete", "--device", "laptop", "--json"])
        #expect(gone.exitStatus() == 0, "\(gone.errorText)")
        #expect(try hub.run(["get", "note", "gone"]).exitStatus() != nil)
        #expect(try conflicts(hub).isEmpty)
    }

    @Test("a version that is not named survives its record's resolution")
    func survives() throws {
        let hub = try HubProcess()
        try push(hub, [#"{"kind":"note","id":"h","clock":{"a":1},"hash":"hash-one","body":1}"#])
        try push(hub, [#"{"kind":"note","id":"h","clock":{"b":1},"hash":"hash-two","body":2}"#], exit: 1)
        try push(hub, [#"{"kind":"note","id":"h","clock":{"c":1},"hash":"hash-three","body":3}"#], exit: 1)
        let part = try hub.run([
            "resolve", "note", "h", "--keep", "hash-two", "--supersedes", "hash-one", "--supersedes", "hash-two",
            "--device", "laptop",
        ])
        #expect(part.exitStatus() == 0, "\(part.errorText)")
        #expect(try body(hub, "h") == "2")
        let left = try conflicts(hub)
        #expect(left.count == 1)
        #expect(left[0].contains("hash-three"))
        let late = try hub.run(["resolve", "note", "h", "--delete", "--supersedes", "hash-one", "--device", "laptop"])
        #expect(late.exitStatus() == 1)
        #expect(late.errorText.contains("hash-one"))
    }

    @Test("a file and a hub that hold the same are equal, and what differs is told by how")
    func compares() throws {
        let hub = try HubProcess()
        // More than one request holds, with names that sort otherwise by UTF-16.
        let names = (0..<11_000).map { "r\($0)" } + ["\u{10000}", "\u{ff5e}"]
        let lines = names.map { #"{"kind":"note","id":"\#($0)","body":{"n": "\#($0)"}}"# }
        try push(hub, lines + [#"{"kind":"other","id":"x","body":1}"#])
        let all = hub.folder.appending(path: "all.ndjson")
        func diff(_ lines: [String], _ more: [String] = [], exit: Int32) throws -> Set<String> {
            try Data(lines.shuffled().joined(separator: "\n").utf8).write(to: all)
            let program = try hub.run(["diff", all.path] + more)
            #expect(program.exitStatus() == exit, "\(program.errorText)")
            return Set(program.lines.map(String.init))
        }
        #expect(try diff(lines, ["--kind", "note"], exit: 0).isEmpty)
        #expect(try diff(lines, exit: 1) == ["- other/x"])
        try push(hub, [#"{"kind":"note","id":"r7","deleted":true}"#])
        let changed =
            lines.dropFirst().filter { !$0.contains(#""r10999""#) } + [
                #"{"kind":"note","id":"mine","body":1}"#, #"{"kind":"note","id":"r10999","body":"other"}"#,
            ]
        #expect(
            try diff(Array(changed), ["--kind", "note"], exit: 1) == [
                "- note/r0", "+ note/mine", "! note/r10999", "! note/r7  (deleted on the hub)",
            ])
        let json = try hub.run(["diff", all.path, "--kind", "note", "--json"])
        #expect(json.exitStatus() == 1)
        #expect(json.lines.filter { $0.contains(#""difference":"unknown""#) }.count == 1)
        #expect(try diff(["no json"], exit: 65).isEmpty)
        let export = try hub.run(["export", "-o", all.path])
        #expect(export.exitStatus() == 0)
        #expect(try hub.run(["diff", all.path]).exitStatus() == 0)
    }
}
