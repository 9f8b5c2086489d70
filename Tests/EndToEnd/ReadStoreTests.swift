import Foundation
import Glibc
import PostgresTesting
import Testing

/// `--read-store` with a standby that streams.
@Suite(
    "A read store", .serialized, .timeLimit(.minutes(4)),
    .enabled(if: PostgresServer.isInstalled, "no Postgres is installed"))
struct ReadStoreTests {
    private func eventually(seconds: Double = 20, _ condition: () throws -> Bool) throws -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while Date() < deadline {
            if try condition() { return true }
            Thread.sleep(forTimeInterval: 0.05)
        }
        return try condition()
    }

    private func ids(_ program: Program) throws -> [String] {
        #expect(program.exitStatus() == 0, "\(program.errorText)")
        return try EndToEndTests.items(program.lines).map(\.id)
    }

    private func get(_ path: String, _ hub: HubProcess) throws -> String {
        let program = try Program(
            ["-s", "-H", "Authorization: Bearer \(hub.key)", "http://127.0.0.1:\(hub.port)/\(path)"],
            executable: "/usr/bin/curl")
        #expect(program.exitStatus() == 0)
        return program.text
    }

    /// The primary's, by the hub's status.
    private func head(_ hub: HubProcess) throws -> String {
        let status = try get("v1/status", hub)
        let object = try JSONSerialization.jsonObject(with: Data(status.utf8)) as? [String: Any]
        return try #require(object?["cursor"] as? String, "\(status)")
    }

    private func cursor(_ program: Program) throws -> String {
        #expect(program.exitStatus() == 0, "\(program.errorText)")
        return try #require(program.errorText.split(separator: " ").last).trimmingCharacters(in: .newlines)
    }

    @Test("serves pulls as far as it has replayed, and the primary what lies beyond, or all once it is gone")
    func replica() throws {
        let rig = try AdminRig()
        let primary = try PostgresServer()
        let hub = try HubProcess(options: ["--quick-start", "--store", primary.conninfo])
        let standby = try primary.standby()
        #expect(hub.stop() == 0)
        let reading = try HubProcess(
            key: hub.key, options: ["--store", primary.conninfo, "--read-store", standby.conninfo])
        func push(_ ids: String...) throws {
            try rig.write(ids.map { #"{"kind":"note","id":"\#($0)","body":{}}"# + "\n" }.joined(), to: "push.ndjson")
            #expect(try reading.run(["push", "--device", "laptop", rig.path("push.ndjson")]).exitStatus() == 0)
        }
        func pull(_ more: String...) throws -> Program { try reading.run(["pull", "--json"] + more) }
        func pages() -> Int { standby.log.components(separatedBy: "FROM versions s WHERE s.space").count }
        func misses() throws -> Int {
            let metrics = try get("metrics", reading)
            let line = metrics.split(separator: "\n").first { $0.hasPrefix("carillon_replica_misses_total ") }
            return try #require(line.flatMap { Int($0.split(separator: " ")[1]) }, "\(metrics)")
        }

        try push("a", "b")
        #expect(try eventually { try ids(pull()) == ["a", "b"] })
        let before = (pages: pages(), misses: try misses())
        #expect(try ids(pull()) == ["a", "b"])
        #expect(try ids(pull("--all")) == ["a", "b"])
        #expect(try misses() == before.misses && pages() >= before.pages + 2)
        let replayed = try cursor(pull())

        try standby.execute("SELECT pg_wal_replay_pause()")
        #expect(
            try eventually { try standby.execute("SELECT pg_get_wal_replay_pause_state()") == [["paused"]] })
        try push("c")
        // What the standby holds, and a cursor that says so.
        let short = try pull()
        #expect(try ids(short) == ["a", "b"])
        #expect(try cursor(short) == replayed)
        #expect(try misses() == before.misses)
        // A live device has seen c. The primary goes on from there, and nobody is told to resync.
        let tail = try reading.run(
            ["tail", "--device", "phone", "--state", rig.path("state"), "--json", "--until-synced"])
        #expect(try ids(tail) == ["a", "b", "c"])
        try push("d")
        #expect(try ids(pull("--cursor", try head(reading))) == [])
        #expect(try misses() > before.misses)
        try standby.execute("SELECT pg_wal_replay_resume()")
        #expect(try eventually { try ids(pull()) == ["a", "b", "c", "d"] })

        standby.kill()
        try push("e")
        #expect(try ids(pull()) == ["a", "b", "c", "d", "e"])
        #expect(try ids(pull("--cursor", replayed)) == ["c", "d", "e"])
        // Back again, it serves again.
        try standby.start()
        #expect(
            try eventually {
                let before = pages()
                return try ids(pull()).count == 5 && pages() > before
            })

        // Promoted it is a log of its own: nobody is served from there who knows the primary's.
        let missed = try misses()
        try standby.execute("SELECT pg_promote()")
        try push("f")
        #expect(try ids(pull("--cursor", replayed)) == ["c", "d", "e", "f"])
        #expect(try ids(pull()) == ["a", "b", "c", "d", "e", "f"])
        #expect(try misses() > missed)
        let promoted = try HubProcess(key: hub.key, options: ["--store", standby.conninfo])
        let stale = try promoted.run(["pull", "--cursor", replayed])
        #expect(stale.exitStatus() != 0 && stale.errorText.contains("[resync]"), "\(stale.errorText)")
        #expect(try ids(promoted.run(["pull", "--json"])) == ["a", "b", "c", "d", "e"])
    }
}
