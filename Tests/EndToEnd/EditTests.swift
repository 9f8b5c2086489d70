import Foundation
import Glibc
import Testing

/// Two devices that edit the same record, as their users type it, and the devices themselves.
@Suite("Edits and devices", .serialized, .timeLimit(.minutes(5)))
struct EditTests {
    private let hub: HubProcess

    init() throws { hub = try HubProcess() }

    @discardableResult
    private func push(_ line: String, by device: String, _ more: [String] = [], exits: Int32 = 0) throws -> Program {
        let file = hub.folder.appending(path: "push.ndjson")
        try Data(line.utf8).write(to: file)
        let program = try hub.run(["push", "--device", device, file.path] + more)
        #expect(program.exitStatus() == exits, "\(program.errorText)")
        return program
    }

    private func text(_ arguments: [String]) throws -> String {
        let program = try hub.run(arguments)
        #expect(program.exitStatus() == 0, "\(program.errorText)")
        return program.text
    }

    private func clock() throws -> String {
        let answer = try JSONSerialization.jsonObject(with: Data(try text(["get", "task", "1", "--json"]).utf8))
        let head = try #require((answer as? [String: Any])?["head"] as? [String: Any])
        let clock = try JSONSerialization.data(withJSONObject: try #require(head["clock"]))
        return String(decoding: clock, as: UTF8.self)
    }

    @Test("a line without a clock stands beside another device's version; with --update it is an edit of it")
    func update() throws {
        try push(#"{"kind":"note","id":"a b","body":1}"#, by: "laptop")
        let beside = try push(#"{"kind":"note","id":"a b","body":2}"#, by: "phone", exits: 1)
        #expect(beside.errorText.contains("push --update"))
        #expect(try text(["conflicts"]).contains("note/a b  2 versions"))
        #expect(try hub.run(["resolve", "note", "a b", "--keep", "1", "--device", "laptop"]).exitStatus() == 0)
        let lines = [#"{"id":"a b","body":3}"#, #"{"id":"a b","body":4}"#, #"{"id":"new","body":5}"#]
        try push(lines.joined(separator: "\n"), by: "phone", ["--update", "--kind", "note"])
        try push(#"{"kind":"note","id":"a b","body":6}"#, by: "tablet", ["--update", "--atomic"])
        #expect(try text(["get", "note", "a b"]) == "6\n" && text(["get", "note", "new"]) == "5\n")
        #expect(try text(["conflicts"]).isEmpty)
    }

    @Test("a line that is told now is pushed now, though the input goes on")
    func toldNow() throws {
        let path = hub.folder.appending(path: "pipe").path
        try #require(mkfifo(path, 0o600) == 0)
        // For reading too, or opening it would wait for its reader.
        let writing = open(path, O_RDWR)
        defer { close(writing) }
        let push = try hub.run(["push", "--device", "laptop", path])
        let tail = try hub.tail("phone")
        for number in 1...2 {
            let line = Array("{\"kind\":\"note\",\"id\":\"\(number)\",\"body\":1}\n".utf8)
            #expect(write(writing, line, line.count) == line.count)
            #expect(tail.wait(seconds: 20) { $0.lines.count == number })
        }
        push.signal(SIGTERM)
        #expect(push.exitStatus() == 130, "\(push.errorText)")
    }

    @Test("edits of one version are merged for both devices, with the reason in tail, get and conflicts")
    func merge() throws {
        let policy = try Program(
            ["policy", "set", "task", "merge", "--set", "tags", "--counter", "views", "--scalar", "title"]
                + ["--data", hub.folder.appending(path: "data").path])
        #expect(policy.exitStatus() == 0)
        try push(#"{"kind":"task","id":"1","body":{"title":"a","tags":["x","y"],"views":1,"text":"t"}}"#, by: "laptop")
        let base = try clock()
        func edit(_ body: String, by device: String, exits: Int32 = 0) throws {
            try push(
                #"{"kind":"task","id":"1","supersedes":[\#(base)],"body":\#(body)}"#, by: device, exits: exits)
        }
        try edit(#"{"title":"b","tags":["x"],"views":3,"text":"t"}"#, by: "laptop")
        try edit(#"{"title":"c","tags":["x","y","z"],"views":5,"text":"t"}"#, by: "phone")
        let merged = #"{"title":"c","tags":["x","z"],"views":7,"text":"t"}"#
        for device in ["laptop", "phone"] {
            let tail = try text(["tail", "--device", device, "--until-synced"])
            #expect(tail.contains(merged) && tail.contains("(hub)") && tail.contains("[merged]"), "\(tail)")
        }
        let get = try hub.run(["get", "task", "1"])
        #expect(get.exitStatus() == 0 && get.text == merged + "\n" && get.errorText.contains("Merged 2"))
        // An edit of what the hub holds, whoever composed that.
        try push(
            #"{"kind":"task","id":"1","body":{"title":"c","tags":["z"],"views":8,"text":"t"}}"#, by: "phone",
            ["--update"])
        #expect(try text(["get", "task", "1"]).contains(#""tags":["z"],"views":8"#))
        #expect(try text(["conflicts"]).isEmpty)
        // Both change what no rule joins.
        try edit(#"{"title":"a","tags":["x","y"],"views":1,"text":"u"}"#, by: "tablet")
        try push(#"{"kind":"task","id":"1","body":{"text":"blind"}}"#, by: "desk", exits: 0)
        let conflicts = try text(["conflicts"])
        #expect(conflicts.contains("no_ancestor"), "\(conflicts)")
        let told = try hub.run(["get", "task", "1"])
        #expect(told.exitStatus() == 0 && told.errorText.contains("no_ancestor"), "\(told.errorText)")
    }

    @Test("devices are listed and removed; one that is not there is told, and a removed one comes back anew")
    func devices() throws {
        try push(#"{"kind":"note","id":"1","body":1}"#, by: "laptop")
        #expect(try text(["device", "register", "phone", "--platform", "linux"]).hasPrefix("Registered phone"))
        func listed() throws -> [NSDictionary] {
            let program = try hub.run(["device", "list", "--json"])
            #expect(program.exitStatus() == 0)
            return try program.lines.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? NSDictionary)
            }
        }
        let first = try listed()
        #expect(first.compactMap { $0["id"] as? String }.sorted() == ["laptop", "phone"])
        let table = try text(["device", "list"])
        #expect(table.contains("phone   linux  ") && table.contains("has confirmed nothing"), "\(table)")
        #expect(try hub.run(["device", "remove", "lapptop"]).exitStatus() == 1)
        #expect(try text(["device", "remove", "laptop"]) == "Removed laptop.\n")
        #expect(try listed().count == 1)
        try push(#"{"kind":"note","id":"2","body":1}"#, by: "laptop")
        func replica(_ list: [NSDictionary]) -> String? {
            list.first { $0["id"] as? String == "laptop" }?["replica"] as? String
        }
        let (before, after) = (replica(first), replica(try listed()))
        #expect(before != nil && after != nil && before != after)
    }
}
