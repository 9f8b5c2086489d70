import Foundation
import Glibc
import PostgresTesting
import Testing

/// From the embedded store to Postgres and back, by the commands.
@Suite(
    "Moving to Postgres", .serialized, .timeLimit(.minutes(4)),
    .enabled(if: PostgresServer.isInstalled, "no Postgres is installed"))
struct PostgresMovingTests {
    private func notes(_ numbers: ClosedRange<Int>) -> String {
        numbers.map { #"{"kind":"note","id":"\#($0)","body":{"n": \#($0)}}"# + "\n" }.joined()
    }

    @Test("an export of Postgres is the one that was imported, byte for byte, and so on the way back")
    func roundTrip() throws {
        let rig = try AdminRig()
        let url = try PostgresServer.shared.freshSchema()
        try rig.done(["admin", "import", AdminTests.vector.path, "--store", url])
        try rig.done(["admin", "export", rig.path("middle.ndjson"), "--store", url])
        #expect(try rig.text("middle.ndjson") == String(contentsOf: AdminTests.vector, encoding: .utf8))
        try rig.done(["admin", "import", rig.path("middle.ndjson"), "--data", rig.path("data")])
        let back = try rig.done(["admin", "export", "-", "--data", rig.path("data")])
        #expect(try back.text == rig.text("middle.ndjson"))
        let again = try rig.done(["admin", "import", rig.path("middle.ndjson"), "--store", url], exit: 1)
        #expect(again.errorText.contains("not empty") && again.errorText.contains("schema"), "\(again.errorText)")
        let lines = try rig.text("middle.ndjson").split(separator: "\n")
        try rig.write(lines.dropLast().joined(separator: "\n") + "\n", to: "cut.ndjson")
        let other = try PostgresServer.shared.freshSchema()
        let cut = try rig.done(["admin", "import", rig.path("cut.ndjson"), "--store", other], exit: 65)
        #expect(cut.errorText.contains("drop this one"), "\(cut.errorText)")
        let unfinished = try rig.done(["user", "list", "--store", other], exit: 74)
        #expect(unfinished.errorText.contains("broke off"), "\(unfinished.errorText)")
    }

    @Test("devices go on where they were, to Postgres and back, with nothing twice and nothing missing")
    func moved() throws {
        let rig = try AdminRig()
        let state = rig.path("phone.cursor")
        let old = try HubProcess()
        try rig.write(notes(1...50), to: "1.ndjson")
        #expect(try old.run(["push", "--device", "laptop", rig.path("1.ndjson")]).exitStatus() == 0)
        let first = try old.run(["tail", "--device", "phone", "--state", state, "--json", "--until-synced"])
        #expect(first.exitStatus() == 0 && first.lines.count == 50, "\(first.errorText)")
        try rig.write(notes(51...60), to: "2.ndjson")
        #expect(try old.run(["push", "--device", "laptop", rig.path("2.ndjson")]).exitStatus() == 0)
        #expect(old.stop() == 0)
        try rig.done(["admin", "export", rig.path("1.export"), "--data", old.data])
        let url = try PostgresServer.shared.freshSchema()
        try rig.done(["admin", "import", rig.path("1.export"), "--store", url])

        let new = try HubProcess(key: old.key, options: ["--store", url])
        let second = try new.run(["tail", "--device", "phone", "--state", state, "--json", "--until-synced"])
        #expect(second.exitStatus() == 0 && !second.errorText.contains("anew"), "\(second.errorText)")
        #expect(try EndToEndTests.items(second.lines).map(\.id) == (51...60).map(String.init))
        try rig.write(notes(61...65), to: "3.ndjson")
        #expect(try new.run(["push", "--device", "laptop", rig.path("3.ndjson")]).exitStatus() == 0)
        // While the hub runs: the reading is one cut.
        try rig.done(["admin", "export", rig.path("2.export"), "--store", url])
        #expect(new.stop() == 0)

        try rig.done(["admin", "import", rig.path("2.export"), "--data", rig.path("back")])
        let last = try HubProcess(data: rig.path("back"), key: old.key)
        let third = try last.run(["tail", "--device", "phone", "--state", state, "--json", "--until-synced"])
        #expect(third.exitStatus() == 0 && !third.errorText.contains("anew"), "\(third.errorText)")
        #expect(try EndToEndTests.items(third.lines).map(\.id) == (61...65).map(String.init))
    }
}
