import Foundation
import Glibc
import PostgresTesting
import Testing

/// A database that Postgres' own programs brought back to an earlier state, behind the back of a hub that runs.
@Suite(
    "A restore of Postgres", .serialized, .timeLimit(.minutes(5)),
    .enabled(if: PostgresServer.isInstalled, "no Postgres is installed"))
struct PostgresRestoreTests {
    enum Way: String, CaseIterable {
        /// pg_restore over what is there, in the custom format.
        case custom
        /// pg_restore --data-only into tables that were emptied.
        case dataOnly
        /// psql with a script that drops and makes the tables.
        case script
        /// pg_restore into a new database of the same name.
        case newDatabase
    }

    private static let tables =
        "answers, devices, history, keys, log_life, log_state, members, migrations, notes, policies, revocations, "
        + "spaces, teams, users, versions, whole"

    private func record(_ id: String, _ text: String) -> String {
        #"{"kind":"note","id":"\#(id)","body":{"text": "\#(text)"}}"# + "\n"
    }

    private func dump(_ server: PostgresServer, _ way: Way, to path: String) throws {
        let format = way == .script ? ["-Fp", "--clean", "--if-exists"] : ["-Fc"]
        try PostgresServer.run("pg_dump", ["-d", server.conninfo, "-f", path] + format)
    }

    private func restore(_ server: PostgresServer, _ way: Way, from path: String) throws {
        switch way {
        case .custom:
            try PostgresServer.run("pg_restore", ["-d", server.conninfo, "--clean", "--if-exists", path])
        case .dataOnly:
            try server.execute("TRUNCATE \(PostgresRestoreTests.tables)")
            try PostgresServer.run(
                "pg_restore", ["-d", server.conninfo, "--data-only", "--disable-triggers", path])
        case .script:
            try PostgresServer.run("psql", ["-q", "-v", "ON_ERROR_STOP=1", "-d", server.conninfo, "-f", path])
        case .newDatabase:
            let other = server.conninfo.replacing("/carillon?", with: "/postgres?")
            try server.execute("DROP DATABASE carillon WITH (FORCE)", conninfo: other)
            try server.execute("CREATE DATABASE carillon", conninfo: other)
            try PostgresServer.run("pg_restore", ["-d", server.conninfo, path])
        }
    }

    @Test(
        "is noticed: nobody goes on from a cursor of before, and what a device holds comes back",
        arguments: Way.allCases)
    func restored(_ way: Way) throws {
        let rig = try AdminRig()
        let server = try PostgresServer()
        let hub = try HubProcess(options: ["--quick-start", "--store", server.conninfo])
        func push(_ text: String) throws {
            try rig.write(text, to: "push.ndjson")
            let push = try hub.run(["push", "--device", "laptop", rig.path("push.ndjson")])
            #expect(push.exitStatus() == 0, "\(push.errorText)")
        }
        // Large enough that its tables are not back at once.
        try push((1...3_000).map { record("n\($0)", String(repeating: "x", count: 500)) }.joined())
        try push(record("early", "1") + record("edited", "1"))
        let phone = try hub.run(["tail", "--device", "phone", "--state", rig.path("phone"), "--json"])
        #expect(phone.wait { $0.lines.count >= 3_002 })
        try dump(server, way, to: rig.path("dump"))
        try push(record("late", "1") + record("edited", "2"))
        #expect(phone.wait { $0.lines.count >= 3_004 })
        let tablet = try hub.run(
            ["tail", "--device", "tablet", "--state", rig.path("tablet"), "--json", "--until-synced"])
        #expect(tablet.exitStatus() == 0)
        let copy = try hub.run(["pull", "--all", "--json"])
        #expect(copy.exitStatus() == 0 && copy.lines.count == 3_003)
        try rig.write(copy.text, to: "copy.ndjson")
        let cursor = try #require(copy.errorText.split(separator: " ").last).trimmingCharacters(in: .newlines)

        try restore(server, way, from: rig.path("dump"))

        // Nothing was written since: those who only read are told, too.
        let stale = try eventually(hub, ["pull", "--cursor", cursor])
        #expect(stale.exitStatus() != 0 && stale.errorText.contains("[resync]"), "\(stale.errorText)")
        let events = try Program(
            [
                "-s", "-N", "-m", "5", "-H", "Authorization: Bearer \(hub.key)", "-H", "Accept: text/event-stream",
                "http://127.0.0.1:\(hub.port)/v1/changes?cursor=\(cursor)",
            ], executable: "/usr/bin/curl")
        #expect(events.wait { $0.text.contains("resync") }, "\(events.text)")
        let anew = try hub.run(
            ["tail", "--device", "tablet", "--state", rig.path("tablet"), "--json", "--until-synced"])
        #expect(anew.exitStatus() == 0 && anew.errorText.contains("began anew"), "\(anew.errorText)")
        let held = try EndToEndTests.items(anew.lines)
        #expect(held.count == 3_002 && !held.contains { $0.id == "late" })
        // Who was connected all the time has heard it, too.
        #expect(phone.wait { $0.errorText.contains("began anew") }, "\(phone.errorText)")
        #expect(phone.wait { $0.lines.count >= 3_004 + 3_002 }, "\(phone.lines.count)")

        let lost = try hub.run(["diff", rig.path("copy.ndjson")])
        #expect(lost.exitStatus() == 1)
        #expect(lost.text.contains("+ note/late") && lost.text.contains("! note/edited"))
        let given = try hub.run(["import", rig.path("copy.ndjson"), "--device", "phone"])
        #expect(given.exitStatus() == 0, "\(given.errorText)")
        #expect(try hub.run(["diff", rig.path("copy.ndjson")]).exitStatus() == 0)
    }

    /// Run again while the database is not there.
    private func eventually(_ hub: HubProcess, _ arguments: [String]) throws -> Program {
        let deadline = Date(timeIntervalSinceNow: 30)
        while true {
            let program = try hub.run(arguments)
            _ = program.exitStatus()
            if !program.errorText.contains("store_unavailable") || Date() > deadline { return program }
            Thread.sleep(forTimeInterval: 0.1)
        }
    }
}
