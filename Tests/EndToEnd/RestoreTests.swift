import Foundation
import Glibc
import Testing

/// Backups made under load, and what devices see once one is restored.
@Suite("Backup and restore", .serialized, .timeLimit(.minutes(4)))
struct RestoreTests {
    private func record(_ id: String, _ text: String) -> String {
        #"{"kind":"note","id":"\#(id)","body":{"text": "\#(text)"}}"# + "\n"
    }

    @Test("after a restore nobody goes on from a cursor of before, and what a device holds comes back")
    func restored() throws {
        let rig = try AdminRig()
        let hub = try HubProcess()
        let state = rig.path("phone.cursor")
        let phone = try hub.run(["tail", "--device", "phone", "--state", state, "--json"])
        try rig.write(record("early", "1") + record("edited", "1"), to: "early.ndjson")
        #expect(try hub.run(["push", "--device", "laptop", rig.path("early.ndjson")]).exitStatus() == 0)
        // The backup is made while pushes go on, some hundred of them.
        let load = try hub.run(["push", "--device", "loader", "--batch", "3", EndToEndTests.records.path])
        #expect(phone.wait { $0.lines.count > 20 })
        let backup = try rig.done(["admin", "backup", "--to", rig.path("backup.db"), "--data", hub.data])
        #expect(backup.errorText.contains("Backed up to"))
        #expect(try rig.mode("backup.db") == 0o600)
        #expect(load.exitStatus() == 0, "\(load.errorText)")
        try rig.write(record("late", "1") + record("edited", "2"), to: "late.ndjson")
        #expect(try hub.run(["push", "--device", "laptop", rig.path("late.ndjson")]).exitStatus() == 0)
        let source = try EndToEndTests.sourceItems()
        #expect(phone.wait { $0.lines.count >= source.count + 4 })
        phone.signal(SIGTERM)
        #expect(phone.exitStatus() == 0)
        let copy = try hub.run(["pull", "--all", "--json"])
        #expect(copy.exitStatus() == 0 && copy.lines.count == source.count + 3)
        try rig.write(copy.text, to: "copy.ndjson")
        let cursor = try #require(copy.errorText.split(separator: " ").last).trimmingCharacters(in: .newlines)

        for path in [hub.data + "/carillon.db", hub.data + "/../data/carillon.db"] {
            try rig.done(["admin", "backup", "--to", path, "--data", hub.data], exit: 64)
            try rig.done(["admin", "export", path, "--data", hub.data], exit: 64)
        }
        let busy = try rig.done(["admin", "import", AdminTests.vector.path, "--data", hub.data], exit: 69)
        #expect(busy.errorText.contains("Another hub runs"))
        let refused = try rig.done(["admin", "restore", rig.path("backup.db"), "--data", hub.data], exit: 69)
        #expect(refused.errorText.contains("Another hub runs"))
        hub.program.signal(SIGKILL)
        _ = hub.program.exitStatus()
        let there = try rig.done(["admin", "restore", rig.path("backup.db"), "--data", hub.data], exit: 1)
        #expect(there.errorText.contains("--force"))
        let restore = try rig.done(["admin", "restore", rig.path("backup.db"), "--force", "--data", hub.data])
        #expect(restore.errorText.contains("carillon.db.before-") && restore.errorText.contains("resync"))
        try hub.start()

        let stale = try hub.run(["pull", "--cursor", cursor])
        #expect(stale.exitStatus() != 0)
        #expect(stale.errorText.contains("[resync]"), "\(stale.errorText)")
        let anew = try hub.run(["tail", "--device", "phone", "--state", state, "--json", "--until-synced"])
        #expect(anew.exitStatus() == 0, "\(anew.errorText)")
        #expect(anew.errorText.contains("began anew"))
        let held = try EndToEndTests.items(anew.lines)
        #expect(held.contains { $0.id == "early" } && !held.contains { $0.id == "late" })

        // The two lines of `admin restore --help`.
        let lost = try hub.run(["diff", rig.path("copy.ndjson")])
        #expect(lost.exitStatus() == 1)
        #expect(lost.text.contains("+ note/late") && lost.text.contains("! note/edited"))
        let given = try hub.run(["import", rig.path("copy.ndjson"), "--device", "phone"])
        #expect(given.exitStatus() == 0, "\(given.errorText)")
        #expect(try hub.run(["diff", rig.path("copy.ndjson")]).exitStatus() == 0)
        let back = try hub.run(["tail", "--device", "tablet", "--json", "--until-synced"])
        #expect(back.exitStatus() == 0)
        let wanted = try EndToEndTests.items(copy.lines).sorted { $0.id < $1.id }
        #expect(try EndToEndTests.items(back.lines).sorted { $0.id < $1.id } == wanted)
        // What a tail printed is a copy, too: earlier versions in it do no harm.
        try rig.write(phone.text, to: "tailed.ndjson")
        #expect(try hub.run(["import", rig.path("tailed.ndjson"), "--device", "phone"]).exitStatus() == 0)
        #expect(try hub.run(["diff", rig.path("copy.ndjson")]).exitStatus() == 0)
    }

    @Test("backups under load are whole each time, and replace an older one at once")
    func underLoad() throws {
        let rig = try AdminRig()
        let hub = try HubProcess()
        let tail = try hub.tail("phone")
        let load = try hub.run(["push", "--device", "loader", "--batch", "2", EndToEndTests.records.path])
        #expect(tail.wait { !$0.lines.isEmpty })
        var counts: [Int] = []
        for number in 0..<4 {
            try rig.done(["admin", "backup", "--to", rig.path("b.db"), "--data", hub.data])
            let data = rig.path("r\(number)")
            try rig.done(["admin", "restore", rig.path("b.db"), "--data", data])
            let export = try rig.done(["admin", "export", "-", "--data", data])
            counts.append(export.lines.count)
        }
        #expect(load.exitStatus() == 0, "\(load.errorText)")
        #expect(counts == counts.sorted())
        let names = try FileManager.default.contentsOfDirectory(atPath: rig.folder.path)
        #expect(!names.contains { $0.contains("draft") }, "\(names)")
    }

    @Test("what is no sound backup is not restored, and what is there stays")
    func unsound() throws {
        let rig = try AdminRig()
        try rig.done(["user", "add", "ada", "--data", rig.path("data")])
        try rig.done(["admin", "backup", "--to", rig.path("good.db"), "--data", rig.path("data")])
        // Put in place by hand it is another life, too.
        try FileManager.default.createDirectory(atPath: rig.path("byhand"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: rig.path("good.db"), toPath: rig.path("byhand/carillon.db"))
        let lives = try ["data", "byhand"].map { try rig.done(["admin", "export", "--data", rig.path($0)]).lines[1] }
        #expect(lives[0].contains("generation") && lives[0] != lives[1])
        try rig.write("no database at all, only some text", to: "text.db")
        try Data().write(to: rig.folder.appending(path: "empty.db"))
        var bytes = try Data(contentsOf: rig.folder.appending(path: "good.db"))
        try bytes.prefix(bytes.count / 2).write(to: rig.folder.appending(path: "cut.db"))
        for index in stride(from: 20_000, to: min(bytes.count, 40_000), by: 3) { bytes[index] ^= 0x5a }
        try bytes.write(to: rig.folder.appending(path: "damaged.db"))
        for name in ["text.db", "empty.db", "cut.db", "damaged.db", "none.db"] {
            let program = try rig.done(
                ["admin", "restore", rig.path(name), "--force", "--data", rig.path("data")], exit: 74)
            #expect(program.errorText.contains(name), "\(program.errorText)")
        }
        #expect(try rig.done(["user", "list", "--data", rig.path("data")]).text == "ada\n")
        let names = try FileManager.default.contentsOfDirectory(atPath: rig.path("data"))
        #expect(
            !names.contains { $0.contains("before") || $0.contains("draft") || $0.contains("restored") }, "\(names)")
        try rig.done(
            ["admin", "backup", "--to", rig.path("no/such/folder/b.db"), "--data", rig.path("none")], exit: 74)
    }
}
