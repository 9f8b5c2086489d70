import Foundation
import Testing

/// The program as a user has it: processes, a data folder, real records.
@Suite("End to end", .serialized, .timeLimit(.minutes(5)))
struct EndToEndTests {
    static let records = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "examples/data/records.ndjson")

    struct Item: Equatable {
        let id: String
        let body: String
    }

    /// Ids and bodies, the body as the bytes that stand in the line.
    static func items(_ lines: [Substring]) throws -> [Item] {
        try lines.map { line in
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line.prefix(200))")
            return Item(id: try #require(object["id"] as? String), body: try #require(rawBody(of: line)))
        }
    }

    /// The text of the member `body`, found by matching brackets outside strings.
    private static func rawBody(of line: Substring) -> String? {
        guard let start = line.range(of: "\"body\":") else { return nil }
        var depth = 0
        var isInString = false
        var isEscaped = false
        var bytes: [UInt8] = []
        for byte in line[start.upperBound...].utf8 {
            if depth == 0, !isInString, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") { break }
            bytes.append(byte)
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    }

    static func sourceItems() throws -> [Item] {
        try items(String(contentsOf: records, encoding: .utf8).split(separator: "\n"))
    }

    @Test("the real data file is pushed, tailed and pulled whole, byte for byte")
    func realData() throws {
        let hub = try HubProcess()
        let phone = try hub.tail("phone")
        let tablet = try hub.tail("tablet")
        let source = try EndToEndTests.sourceItems()
        #expect(source.count >= 2_000)
        let push = try hub.run(["push", "--device", "laptop", EndToEndTests.records.path])
        #expect(push.exitStatus() == 0, "\(push.errorText)")
        for tail in [phone, tablet] {
            #expect(tail.wait { $0.lines.count >= source.count })
            #expect(try EndToEndTests.items(tail.lines) == source)
            tail.signal(SIGTERM)
            #expect(tail.exitStatus() == 0)
        }
        let pull = try hub.run(["pull", "--all", "--json"])
        #expect(pull.exitStatus() == 0, "\(pull.errorText)")
        #expect(pull.lines.count == source.count)
        #expect(try EndToEndTests.items(pull.lines) == source)
        #expect(hub.stop() == 0, "\(hub.program.errorText)")
    }

    @Test(
        "kill -9 in the middle of a push run loses nothing acknowledged, and tailers resume with no gap, nothing twice")
    func killNine() throws {
        let hub = try HubProcess()
        let tails = [try hub.tail("phone"), try hub.tail("tablet")]
        // Five times the data under other ids, and small pushes, so that the kills fall between and into many commits.
        let lines = try String(contentsOf: EndToEndTests.records, encoding: .utf8).split(separator: "\n")
        let many = (1...5).flatMap { copy in
            lines.map { $0.replacing("\"id\":\"", with: "\"id\":\"\(copy)/", maxReplacements: 1) }
        }
        let file = hub.folder.appending(path: "many.ndjson")
        try Data(many.joined(separator: "\n").utf8).write(to: file)
        let source = try EndToEndTests.items(many.map { $0[...] })
        let push = try hub.run(["push", "--device", "laptop", "--batch", "3", file.path])
        var restarts = 0
        for share in [0.05, 0.2, 0.4, 0.6] {
            let reached = tails[0].wait { Double($0.lines.count) >= share * Double(source.count) }
            #expect(reached)
            guard push.process.isRunning else { break }
            try hub.killAndRestart()
            restarts += 1
        }
        #expect(restarts >= 2, "the push was over before the hub was killed")
        #expect(push.exitStatus(seconds: 120) == 0, "\(push.errorText)")
        for tail in tails {
            #expect(tail.wait(seconds: 60) { $0.lines.count >= source.count })
            let heard = try EndToEndTests.items(tail.lines)
            #expect(heard.count == source.count)
            #expect(Set(heard.map(\.id)).count == source.count)
            #expect(heard.sorted { $0.id < $1.id } == source.sorted { $0.id < $1.id })
        }
    }

    @Test("policies are set on a running hub, and what they merge against outlives kill -9")
    func policies() throws {
        let hub = try HubProcess()
        let data = ["--data", hub.folder.appending(path: "data").path]
        func policy(_ arguments: [String]) throws -> Program {
            let program = try Program(["policy"] + arguments + data)
            _ = program.exitStatus()
            return program
        }
        func push(_ line: String, by device: String, exits: Int32 = 0) throws {
            let file = hub.folder.appending(path: "push.ndjson")
            try Data(line.utf8).write(to: file)
            let program = try hub.run(["push", "--device", device, file.path])
            #expect(program.exitStatus() == exits, "\(program.errorText)")
        }
        let set = try policy(["set", "task", "merge", "--set", "tags", "--counter", "stats.votes"])
        #expect(
            set.exitStatus() == 0 && set.text == "Concurrent edits of task: merge  tags=set  stats.votes=counter.\n")
        try push(#"{"kind":"task","id":"1","clock":{"a":1},"body":{"tags":["x"],"stats":{"votes":1}}}"#, by: "laptop")
        try push(#"{"kind":"task","id":"1","clock":{"a":2},"body":{"tags":["y"],"stats":{"votes":2}}}"#, by: "laptop")
        try hub.killAndRestart()
        let late =
            #"{"kind":"task","id":"1","clock":{"a":1,"b":1},"body":{"tags":["x","z"],"stats":{"votes":5}},"updated_at":1}"#
        try push(late, by: "phone")
        let merged = try hub.run(["get", "task", "1"])
        #expect(merged.exitStatus() == 0)
        #expect(merged.text == #"{"tags":["y","z"],"stats":{"votes":6}}"# + "\n")
        #expect(merged.errorText.contains("Merged 2 concurrent versions"))
        #expect(try policy(["set", "seen", "lww"]).exitStatus() == 0)
        let list = try policy(["list", "--json"])
        #expect(
            list.lines == [
                #"{"kind":"seen","policy":"lww"}"#,
                #"{"kind":"task","policy":"merge","fields":[{"field":"tags","as":"set"},{"field":"stats.votes","as":"counter"}]}"#,
            ])
        #expect(try policy(["clear", "task"]).exitStatus() == 0 && policy(["list"]).text == "seen  lww\n")
        #expect(try policy(["clear", "task"]).exitStatus() == 1)
        for (wrong, word) in [
            (["task", "first"], "manual, lww or merge"), (["task", "lww", "--set", "a"], "for the policy merge only"),
            (["task", "merge", "--set", "a", "--text", "a"], "declared twice"),
            (["task", "merge", "--set", "a..b"], "is no field"),
        ] {
            let program = try policy(["set"] + wrong)
            #expect(program.exitStatus() == 64 && program.errorText.contains(word), "\(program.errorText)")
        }
    }

    @Test("a tail that was away resumes behind what it printed last")
    func tailResumes() throws {
        let hub = try HubProcess()
        func push(_ ids: ClosedRange<Int>) throws {
            let file = hub.folder.appending(path: "push.ndjson")
            let lines = ids.map { #"{"kind":"note","id":"\#($0)","body":{"n":\#($0)}}"# }
            try Data(lines.joined(separator: "\n").utf8).write(to: file)
            let program = try hub.run(["push", "--device", "laptop", file.path])
            #expect(program.exitStatus() == 0, "\(program.errorText)")
        }
        let first = try hub.tail("phone")
        try push(1...3)
        #expect(first.wait { $0.lines.count == 3 })
        first.signal(SIGTERM)
        #expect(first.exitStatus() == 0)
        try push(4...6)
        let second = try hub.tail("phone")
        #expect(second.wait { $0.lines.count == 3 })
        #expect(try EndToEndTests.items(second.lines).map(\.id) == ["4", "5", "6"])
    }

    @Test("a tail since a time waits for a hub that is away at its start")
    func sinceWaits() throws {
        let hub = try HubProcess()
        let file = hub.folder.appending(path: "push.ndjson")
        try Data(#"{"kind":"note","id":"1","body":1}"#.utf8).write(to: file)
        #expect(try hub.run(["push", "--device", "laptop", file.path]).exitStatus() == 0)
        #expect(hub.stop() == 0)
        let tail = try hub.tail("phone", ["--since", "1h", "--until-synced"])
        #expect(tail.wait { $0.errorText.contains("Trying again") })
        try hub.start()
        #expect(tail.exitStatus() == 0, "\(tail.errorText)")
        #expect(tail.lines.count == 1)
    }

    @Test("what the hub prints at its first start can be typed in, and a second hub on its port is told so")
    func quickStart() throws {
        let hub = try HubProcess()
        let isTold = hub.program.wait { program in
            let said = program.text + program.errorText
            return said.contains("push ") && said.contains("tail ") && said.contains(hub.key)
        }
        #expect(isTold)
        let status = try hub.run(["status", "--json"])
        #expect(status.exitStatus() == 0)
        let second = try Program([
            "serve", "--data", hub.folder.appending(path: "other").path, "--listen", "127.0.0.1:\(hub.port)",
        ])
        let code = second.exitStatus()
        #expect(code != nil && code != 0)
        #expect(second.errorText.contains("listens on 127.0.0.1"))
    }

    @Test("a wrong key, a missing hub and bad lines have exit codes of their own")
    func exitCodes() throws {
        let hub = try HubProcess()
        let stranger = try Program([
            "status", "--url", hub.url, "--key", "car_AAAAAAAA_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ])
        #expect(stranger.exitStatus() == 77)
        let nobody = try Program(["status", "--url", "ws://127.0.0.1:1", "--key", hub.key])
        #expect(nobody.exitStatus() == 69)
        let file = hub.folder.appending(path: "bad.ndjson")
        try Data("{\"kind\":\"n\",\"id\":\"a\",\"body\":1}\nnot json\n".utf8).write(to: file)
        let push = try hub.run(["push", "--device", "laptop", file.path])
        #expect(push.exitStatus() == 1 || push.exitStatus() == 65)
        #expect(push.errorText.contains("2"))
        let get = try hub.run(["get", "n", "a"])
        #expect(get.exitStatus() == 0)
    }

    /// The Python that `.ci/install --tests` gave the package `websockets`.
    static let python = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build/python/bin/python3")

    @Test(
        "the Python examples push, pull and follow",
        .enabled(if: FileManager.default.isExecutableFile(atPath: python.path), "needs the package websockets"))
    func pythonExamples() throws {
        let hub = try HubProcess()
        let examples = EndToEndTests.records.deletingLastPathComponent().deletingLastPathComponent()
        let environment = ["CARILLON_URL": hub.url, "CARILLON_KEY": hub.key]
        func run(_ arguments: [String]) throws -> Program {
            try Program(arguments, environment: environment, executable: EndToEndTests.python.path)
        }
        let tail = try run([
            examples.appending(path: "tail/tail.py").path, "--json", "--device", "kitchen", "--cursor-file",
            hub.folder.appending(path: "kitchen.cursor").path,
        ])
        let client = examples.appending(path: "python/carillon_client.py").path
        let push = try run([client, "push", EndToEndTests.records.path])
        #expect(push.exitStatus() == 0, "\(push.errorText)")
        let count = try EndToEndTests.sourceItems().count
        let pull = try run([client, "pull"])
        #expect(pull.exitStatus() == 0, "\(pull.errorText)")
        #expect(pull.lines.count == count)
        #expect(tail.wait { $0.lines.count == count }, "\(tail.lines.count) lines; \(tail.errorText)")
    }

    @Test("the examples of server-sent events go on behind the last event they saved, killed or not")
    func eventStreamExamples() throws {
        let hub = try HubProcess()
        let examples = EndToEndTests.records.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "sse")
        func push(_ ids: ClosedRange<Int>) throws {
            let file = hub.folder.appending(path: "push.ndjson")
            try Data(ids.map { "{\"kind\":\"n\",\"id\":\"\($0)\",\"body\":1}\n" }.joined().utf8).write(to: file)
            #expect(try hub.run(["push", "--device", "laptop", file.path]).exitStatus() == 0)
        }
        func follow(_ name: String) throws -> Program {
            let cursor = hub.folder.appending(path: "\(name).cursor").path
            let path = examples.appending(path: name).path
            return try Program(
                name.hasSuffix(".sh") ? ["sh", path] : ["python3", path, "--cursor-file", cursor],
                environment: ["CARILLON_URL": hub.url, "CARILLON_KEY": hub.key, "CURSOR_FILE": cursor],
                executable: "/usr/bin/env")
        }
        func heard(_ follower: Program) -> [String] {
            follower.lines.flatMap { $0.matches(of: /"id":"(\d+)"/).map { String($0.output.1) } }
        }
        for name in ["follow.py", "follow.sh"] {
            let begin = name == "follow.py" ? 1 : 11
            try push(begin...(begin + 2))
            let first = try follow(name)
            #expect(
                first.wait { heard($0).suffix(3) == (begin...(begin + 2)).map(String.init)[...] }, "\(first.errorText)")
            // The place is saved behind the line.
            Thread.sleep(forTimeInterval: 0.5)
            first.signal(name.hasSuffix(".sh") ? SIGTERM : SIGKILL)
            _ = first.exitStatus()
            try push((begin + 3)...(begin + 4))
            let second = try follow(name)
            #expect(second.wait { heard($0).count >= 2 }, "\(second.errorText)")
            try push((begin + 5)...(begin + 5))
            #expect(second.wait { heard($0).count >= 3 }, "\(second.errorText)")
            #expect(heard(second) == ((begin + 3)...(begin + 5)).map(String.init))
        }
    }

    @Test("load --spawn is one command to a figure, and leaves nothing behind")
    func load() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for store in ["memory", "sqlite"] {
            let plot = folder.appending(path: "\(store).svg")
            let program = try Program(
                [
                    "load", "--spawn", "--store", store, "--users", "2", "--publishers", "2", "--count", "40", "--json",
                    "--plot", plot.path,
                ], environment: ["TMPDIR": folder.path])
            #expect(program.exitStatus() == 0, "\(program.errorText)")
            let report = try #require(
                try JSONSerialization.jsonObject(with: Data(program.text.utf8)) as? [String: Any])
            #expect(report["pushes"] as? Int == 40)
            #expect(report["deliveries"] as? Int == 120)
            #expect((report["hub"] as? [String: Any])?["pid"] is Int)
            #expect(try String(contentsOf: plot, encoding: .utf8).hasPrefix("<svg "))
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(left.sorted() == ["memory.svg", "sqlite.svg"])
    }

    @Test("a benchmark's results are compared, and what became slower is exit code 1")
    func bench() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let program = try Program([
            "bench", "--filter", "causality/compare-1", "--samples", "3", "--sample-milliseconds", "1", "--json",
        ])
        #expect(program.exitStatus() == 0, "\(program.errorText)")
        let before = folder.appending(path: "before.json")
        try program.text.write(to: before, atomically: true, encoding: .utf8)
        #expect(try Program(["bench", "compare", before.path, before.path]).exitStatus() == 0)

        var report = try #require(
            try JSONSerialization.jsonObject(with: Data(program.text.utf8)) as? [String: Any])
        var results = try #require(report["results"] as? [[String: Any]])
        #expect(results.count == 1)
        for name in ["median", "p10", "p90"] { results[0][name] = 1e9 }
        report["results"] = results
        let after = folder.appending(path: "after.json")
        try JSONSerialization.data(withJSONObject: report).write(to: after)
        let slower = try Program(["bench", "compare", before.path, after.path])
        #expect(slower.exitStatus() == 1)
        #expect(slower.text.contains("slower"))
        #expect(try Program(["bench", "--filter", "no such benchmark"]).exitStatus() == 64)
    }

    @Test(
        "load says which of its options is wrong",
        arguments: [
            ["--window", "65"], ["--publishers", "5", "--devices", "4"], ["--size", "10"], ["--rate", "0"],
            ["--url", "http://10.0.0.1:8787", "--key", "car_x"], ["--spawn", "--key", "car_x"], ["--url", "ftp://x"],
        ])
    func loadOptions(arguments: [String]) throws {
        let program = try Program(["load"] + arguments)
        #expect(program.exitStatus() == 64)
        #expect(program.errorText.contains("Error: "))
    }
}
