import Foundation
import Testing

/// Two users of one program, in a team's space and in each other's.
@Suite("Spaces by the program", .serialized, .timeLimit(.minutes(5)))
struct SpaceTests {
    /// Ada and Bob are in the team `bells`, Eve is in none; a hub serves them.
    private struct Bells {
        let hub: HubProcess
        private let keys: [String: String]

        init() throws {
            let rig = try AdminRig()
            let data = ["--data", rig.path("data")]
            var keys: [String: String] = [:]
            for user in ["ada", "bob", "eve"] {
                try rig.done(["user", "add", user] + data)
                let text = try rig.done(["key", "create", user, "--label", "test"] + data).text
                keys[user] = String(
                    try #require(text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("car_") }))
            }
            try rig.done(["team", "add", "bells"] + data)
            for user in ["ada", "bob"] { try rig.done(["team", "join", "bells", user] + data) }
            hub = try HubProcess(data: rig.path("data"), key: keys["ada"], options: [])
            self.keys = keys
        }

        func start(_ words: [String], as user: String, device: String? = nil) throws -> Program {
            let more = device.map { ["--device", $0] } ?? []
            return try Program(
                words + more + ["--url", hub.url, "--key", keys[user] ?? ""],
                environment: ["XDG_STATE_HOME": hub.folder.appending(path: "state-\(user)").path])
        }

        @discardableResult
        func done(_ words: [String], as user: String, device: String? = nil, exit: Int32 = 0) throws -> Program {
            let program = try start(words, as: user, device: device)
            #expect(program.exitStatus() == exit, "\(words): \(program.errorText)")
            return program
        }

        func push(
            _ lines: [String], to space: String? = nil, as user: String, exit: Int32 = 0, _ more: [String] = []
        ) throws -> Program {
            let file = hub.folder.appending(path: "\(UUID().uuidString).ndjson")
            try Data(lines.joined(separator: "\n").utf8).write(to: file)
            return try done(
                ["push", file.path] + more + (space.map { ["--space", $0] } ?? []), as: user, device: "laptop",
                exit: exit)
        }

        func team(_ words: String...) throws {
            let program = try Program(
                ["team"] + words + ["--data", hub.data], environment: ["CARILLON_STORE": ""])
            #expect(program.exitStatus() == 0, "\(words): \(program.errorText)")
        }
    }

    @Test("two users push to, pull and tail their team's space, and a stranger does not")
    func teamSpace() throws {
        let bells = try Bells()
        let tail = try bells.start(["tail", "--json", "--space", "team:bells"], as: "bob", device: "laptop")
        let lines = [
            #"{"kind":"note","id":"plan","body":1}"#, #"{"kind":"note","id":"diary","body":2,"visibility":"private"}"#,
        ]
        _ = try bells.push(lines, to: "team:bells", as: "ada")
        #expect(tail.wait { $0.lines.contains { $0.contains(#""id":"plan""#) } }, "\(tail.errorText)")
        _ = try bells.push([#"{"kind":"note","id":"answer","body":3}"#], to: "team:bells", as: "bob")
        let adas = try bells.done(["pull", "--json", "--space", "team:bells"], as: "ada").text
        #expect(["plan", "diary", "answer"].allSatisfy { adas.contains(#""id":"\#($0)""#) })
        let bobs = try bells.done(["pull", "--json", "--space", "team:bells"], as: "bob").text
        #expect(bobs.contains("plan") && bobs.contains("answer") && !bobs.contains("diary"))
        #expect(!tail.text.contains("diary"))
        #expect(try !bells.done(["pull"], as: "ada").text.contains("plan"))
        #expect(try bells.done(["status", "--space", "team:bells"], as: "bob").text.contains("not counted"))
        for space in ["team:bells", "team:none", "user:ada"] {
            for words in [["pull"], ["status"], ["export"], ["get", "note", "plan"], ["conflicts"]] {
                let refused = try bells.start(words + ["--space", space], as: "eve")
                #expect(refused.exitStatus() != 0 && !refused.text.contains("plan"), "\(words) \(space)")
                if words[0] != "get" {
                    #expect(refused.errorText.contains("no such space"), "\(words): \(refused.errorText)")
                }
            }
        }
        // Who leaves is let go, while the hub runs.
        try bells.team("leave", "bells", "bob")
        #expect(tail.wait { !$0.process.isRunning }, "\(tail.errorText)")
        #expect(tail.exitStatus() != 0 && tail.errorText.contains("no such space"), "\(tail.errorText)")
    }

    @Test("a teammate reads and writes what is shared of another's space, and no more")
    func userSpace() throws {
        let bells = try Bells()
        let tail = try bells.start(["tail", "--json", "--space", "user:ada"], as: "bob", device: "laptop")
        _ = try bells.push(
            [
                #"{"kind":"note","id":"secret","body":0}"#,
                #"{"kind":"note","id":"shown","body":1,"visibility":"team_read"}"#,
                #"{"kind":"note","id":"open","body":2,"visibility":"team_write"}"#,
            ], as: "ada")
        #expect(tail.wait { $0.lines.contains { $0.contains(#""id":"open""#) } }, "\(tail.errorText)")
        #expect(tail.text.contains("shown") && !tail.text.contains("secret"))
        _ = try bells.push([#"{"kind":"note","id":"open","body":3}"#], to: "user:ada", as: "bob", ["--update"])
        #expect(try bells.done(["get", "note", "open"], as: "ada").text.contains("3"))
        for id in ["shown", "secret", "new"] {
            let refused = try bells.push(
                [#"{"kind":"note","id":"\#(id)","body":9}"#], to: "user:ada", as: "bob", exit: 1, ["--update"])
            #expect((refused.text + refused.errorText).contains("forbidden"))
        }
        let export = try bells.done(["export", "--space", "user:ada"], as: "bob").text
        #expect(export.contains("shown") && export.contains("open") && !export.contains("secret"))
        let own = try bells.done(["get", "note", "shown"], as: "ada").text
        #expect(own.contains("1") && !own.contains("9"))
    }
}
