import Foundation
import Glibc
import Testing

/// Exports, imports and schemas, as whoever runs a hub has them.
@Suite("Moving a store", .serialized, .timeLimit(.minutes(4)))
struct AdminTests {
    static let vector = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Protocol/vectors/export.ndjson")

    private func lines() throws -> [String] {
        try String(contentsOf: AdminTests.vector, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test("an export of an import is the same, byte for byte, and its owner's alone")
    func roundTrip() throws {
        let rig = try AdminRig()
        try rig.done(["admin", "import", AdminTests.vector.path, "--data", rig.path("data")])
        let told = try rig.done(["admin", "export", rig.path("out.ndjson"), "--json", "--data", rig.path("data")])
        #expect(told.text.contains(#""entry":3"#))
        #expect(try rig.text("out.ndjson") == String(contentsOf: AdminTests.vector, encoding: .utf8))
        #expect(try rig.mode("out.ndjson") == 0o600 && rig.mode("data/carillon.db") == 0o600)
        let piped = try rig.done(["admin", "export", "-", "--data", rig.path("data")])
        #expect(try piped.text == rig.text("out.ndjson"))
        // Not over what is there.
        let again = try rig.done(["admin", "import", rig.path("out.ndjson"), "--data", rig.path("data")], exit: 1)
        #expect(again.errorText.contains("not empty"))
        try rig.done(["user", "list", "--data", rig.path("data")])
        // Another life on demand.
        try rig.done(["admin", "import", rig.path("out.ndjson"), "--new-life", "--data", rig.path("other")])
        let other = try rig.done(["admin", "export", "-", "--data", rig.path("other")])
        #expect(other.lines[1] != piped.lines[1] && other.lines[2..<12] == piped.lines[2..<12])
    }

    @Test("devices go on where they were on a hub that was moved, with nothing twice and nothing missing")
    func moved() throws {
        let rig = try AdminRig()
        let old = try HubProcess()
        let state = rig.path("phone.cursor")
        try rig.write((1...50).map { #"{"kind":"note","id":"\#($0)","body":{"n":\#($0)}}"# + "\n" }.joined(), to: "a")
        #expect(try old.run(["push", "--device", "laptop", rig.path("a")]).exitStatus() == 0)
        let first = try old.run(["tail", "--device", "phone", "--state", state, "--json", "--until-synced"])
        #expect(first.exitStatus() == 0 && first.lines.count == 50, "\(first.errorText)")
        try rig.write((51...60).map { #"{"kind":"note","id":"\#($0)","body":{"n":\#($0)}}"# + "\n" }.joined(), to: "b")
        #expect(try old.run(["push", "--device", "laptop", rig.path("b")]).exitStatus() == 0)
        // The export works while the hub runs; the move is made with it stopped.
        try rig.done(["admin", "export", rig.path("early.ndjson"), "--data", old.data])
        #expect(old.stop() == 0)
        try rig.done(["admin", "export", rig.path("all.ndjson"), "--data", old.data])
        #expect(try rig.text("early.ndjson").split(separator: "\n").count > 60)
        try rig.done(["admin", "import", rig.path("all.ndjson"), "--data", rig.path("new")])
        let new = try HubProcess(data: rig.path("new"), key: old.key)
        let second = try new.run(["tail", "--device", "phone", "--state", state, "--json", "--until-synced"])
        #expect(second.exitStatus() == 0, "\(second.errorText)")
        #expect(try EndToEndTests.items(second.lines).map(\.id) == (51...60).map(String.init))
        #expect(!second.errorText.contains("anew"))
        // The laptop, too, is who it was.
        try rig.write(#"{"kind":"note","id":"60","body":{"n":"new"}}"#, to: "c")
        #expect(try new.run(["push", "--device", "laptop", rig.path("c")]).exitStatus() == 0)
    }

    static let bad: [(name: String, line: Int, word: String)] = [
        ("cut off in a line", 14, "byte"), ("cut off between lines", 15, "cut off"), ("empty", 1, "cut off"),
        ("wrong hash", 16, "SHA-256"), ("wrong count", 16, "counts"), ("unknown version", 1, "format 3"),
        ("unknown type", 5, "no kind of line"), ("position twice", 14, "twice"),
        ("positions fall", 14, "after the later"),
        ("unknown space", 13, "does not stand after its space"), ("two heads", 14, "two heads"),
        ("long line", 12, "longer than"), ("two exports", 17, "follows the trailer"), ("not ours", 1, "no header"),
        ("two lives", 3, "one life"), ("no life", 2, "before the log's life"), ("not UTF-8", 7, "byte"),
        ("a NUL", 7, "NUL"),
    ]

    private func broken(_ name: String) throws -> [UInt8] {
        var lines = try lines()
        switch name {
        case "cut off in a line":
            return Array((lines[..<13].joined(separator: "\n") + "\n" + lines[13].prefix(90)).utf8)
        case "cut off between lines": lines = Array(lines[..<14])
        case "empty": return []
        case "wrong hash": lines[11].replace("Gl", with: "gl")
        case "wrong count": lines[15].replace("\"entry\":3", with: "\"entry\":4")
        case "unknown version": lines[0].replace("\"version\":2", with: "\"version\":3")
        case "unknown type": lines[4].replace("\"user\"", with: "\"bell\"", maxReplacements: 1)
        case "position twice": lines[13].replace("1767225600000005", with: "1767225600000003")
        case "positions fall": lines[13].replace("1767225600000005", with: "1767225600000001")
        case "unknown space": lines[12].replace("\"u_1\"", with: "\"u_2\"")
        case "two heads": lines[13].replace("\"id\":\"b\"", with: "\"id\":\"a\"")
        case "long line": lines[11] = String(repeating: "x", count: 10 << 20)
        case "two exports": lines += lines
        case "not ours": lines = [#"{"kind":"note","id":"1","body":{}}"#]
        case "two lives": lines.insert(lines[1], at: 2)
        case "no life": lines.remove(at: 1)
        case "a NUL":
            let start = try #require(lines[6].range(of: "\"name\":\""))
            lines[6].insert(contentsOf: "\\u0000", at: start.upperBound)
        case "not UTF-8":
            var bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
            let place = bytes.firstRange(of: Array("phone.1".utf8))
            bytes[try #require(place).lowerBound] = 0xff
            return bytes
        default: Issue.record("there is no such case")
        }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    @Test("a bad export is refused with its line, and nothing of it is served", arguments: AdminTests.bad.map(\.name))
    func badExports(_ name: String) throws {
        let (_, line, word) = try #require(AdminTests.bad.first { $0.name == name })
        let rig = try AdminRig()
        try Data(try broken(name)).write(to: rig.folder.appending(path: "bad.ndjson"))
        let program = try rig.done(["admin", "import", rig.path("bad.ndjson"), "--data", rig.path("data")], exit: 65)
        #expect(program.errorText.contains("bad.ndjson, line \(line): "), "\(program.errorText)")
        #expect(program.errorText.contains(word), "\(program.errorText)")
        let users = try rig.done(["user", "list", "--data", rig.path("data")], exit: 74)
        #expect(users.text.isEmpty)
        // The folder is as good as new.
        try rig.done(["admin", "import", AdminTests.vector.path, "--data", rig.path("data")])
    }

    @Test("an import that is killed leaves a store that nothing works on, and is begun anew")
    func killed() throws {
        let rig = try AdminRig()
        let pipe = rig.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let importing = try rig.run(["admin", "import", pipe, "--data", rig.path("data")])
        let writer = open(pipe, O_WRONLY)
        let half = Array(try lines()[..<9].joined(separator: "\n").utf8)
        #expect(write(writer, half, half.count) == half.count)
        // Once it has read something, the mark is there.
        let isRead = importing.wait { _ in
            var left: CInt = 0
            return ioctl(writer, UInt(FIONREAD), &left) == 0 && left == 0
        }
        #expect(isRead)
        importing.signal(SIGKILL)
        _ = importing.exitStatus()
        close(writer)
        for command in [["serve", "--listen", "127.0.0.1:0"], ["user", "add", "eve"], ["admin", "export", "-"]] {
            let program = try rig.done(command + ["--data", rig.path("data")], exit: 74)
            #expect(program.errorText.contains("part of an import that broke off"), "\(program.errorText)")
            #expect(program.errorText.contains("carillon admin import FILE --data"))
        }
        let again = try rig.done(["admin", "import", AdminTests.vector.path, "--data", rig.path("data")])
        #expect(again.errorText.contains("begins anew"))
        #expect(try rig.done(["user", "list", "--data", rig.path("data")]).text.hasPrefix("ada  pro  "))
    }

    @Test("a migration is shown before it is made")
    func migrate() throws {
        let rig = try AdminRig()
        let data = ["--data", rig.path("data")]
        let plan = try rig.done(["admin", "migrate", "--dry-run"] + data)
        #expect(plan.text.contains("found version 0") && plan.text.contains("CREATE TABLE versions"))
        #expect(!FileManager.default.fileExists(atPath: rig.path("data")))
        try rig.done(["admin", "migrate"] + data)
        let after = try rig.done(["admin", "migrate", "--dry-run", "--json"] + data)
        let object = try JSONSerialization.jsonObject(with: Data(after.text.utf8)) as? [String: Any]
        #expect(
            object?["found"] as? Int == object?["supported"] as? Int
                && (object?["statements"] as? [Any])?.isEmpty == true)
        try rig.done(["user", "add", "ada"] + data)
    }

    @Test("a store is named by --store and CARILLON_STORE, and a password is never shown")
    func stores() throws {
        let rig = try AdminRig()
        let url = "postgres://carillon:s3cr%65t@127.0.0.1:1/db?sslpassword=hidden"
        for program in [
            try rig.run(["user", "list", "--store", url]), try rig.run(["user", "list"], ["CARILLON_STORE": url]),
            try rig.run(["serve", "--listen", "127.0.0.1:0", "--data", rig.path("d"), "--store", url]),
            try rig.run(["admin", "migrate", "--store", url]),
        ] {
            let status = try #require(program.exitStatus())
            #expect([74, 75].contains(status), "\(program.errorText)")
            for secret in ["s3cr", "secret", "hidden"] { #expect(!program.errorText.contains(secret)) }
            #expect(program.errorText.contains("postgres://carillon@127.0.0.1:1/db"), "\(program.errorText)")
            #expect(!program.errorText.contains(".."), "\(program.errorText)")
        }
        let dump = try rig.done(["admin", "backup", "--to", "b", "--store", url], exit: 64)
        #expect(dump.errorText.contains("pg_dump --format=custom --file=b") && !dump.errorText.contains("s3cr"))
        try rig.done(["admin", "restore", "b", "--store", url], exit: 64)
        for (arguments, word) in [
            (["user", "list", "--store", "mysql://root:pw@h/db"], "--store is"),
            (["user", "list", "--store", "postgres//root:pw@h/db"], "--store is"),
            (["user", "list", "--store", "memory"], "memory store"), (["serve", "--store-wait", "-1"], "store-wait"),
            (["serve", "--read-store", "postgres://h/db"], "--store postgres"),
            (["serve", "--bus", "nats://127.0.0.1:4222"], "--store postgres"),
            (["serve", "--bus", "pigeon"], "CARILLON_BUS, is"),
            (["serve", "--store", "postgres", "--read-store", "h"], "--read-store is"),
            (["serve", "--poll-ms", "1"], "poll-ms"),
        ] {
            let program = try rig.done(arguments, exit: 64)
            #expect(program.errorText.contains(word) && !program.errorText.contains("pw"), "\(program.errorText)")
        }
    }

    @Test("each command has an example")
    func examples() throws {
        let rig = try AdminRig()
        for name in ["export", "import", "migrate", "backup", "restore"] {
            let help = try rig.done(["admin", name, "--help"])
            #expect(help.text.contains("\n  carillon admin \(name)"), "\(help.text)")
        }
    }
}
