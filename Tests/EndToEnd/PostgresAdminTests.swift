import Foundation
import PostgresTesting
import Testing

/// `--store` with a Postgres of the tests' own.
@Suite(
    "A store on Postgres, by its name", .serialized, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.isInstalled))
struct PostgresAdminTests {
    @Test("a migration is shown, made, and then there is nothing to do")
    func migrates() throws {
        let rig = try AdminRig()
        let url = try PostgresServer.shared.freshSchema()
        let plan = try rig.done(["admin", "migrate", "--dry-run", "--store", url])
        #expect(plan.text.contains("found version 0") && plan.text.contains("CREATE TABLE"))
        let nothing = try rig.done(["admin", "migrate", "--dry-run"], ["CARILLON_STORE": url])
        #expect(nothing.text == plan.text, "the first one changed something")
        try rig.done(["admin", "migrate", "--store", url])
        let after = try rig.done(["admin", "migrate", "--dry-run", "--json", "--store", url])
        #expect(after.text.contains(#""statements":[]"#))
    }

    @Test("what is wrong with it is told by the doctor, who changes nothing")
    func doctor() throws {
        let rig = try AdminRig()
        let url = try PostgresServer.shared.freshSchema()
        func found(_ url: String) throws -> String {
            let program = try rig.run(["doctor", "--store", url, "--json", "--url", "http://127.0.0.1:1"])
            _ = program.exitStatus()
            return String(program.lines.first { $0.contains(#""check":"store""#) } ?? "")
        }
        #expect(try found(url).contains("no tables yet"))
        #expect(try found(url).contains("no tables yet"))
        try rig.done(["user", "add", "ada", "--store", url])
        #expect(try found(url).contains(#""verdict":"ok""#))
        let away = try found("postgres://ada:secret@127.0.0.1:1/x")
        #expect(away.contains(#""verdict":"fail""#) && !away.contains("secret") && !away.contains(".."), "\(away)")
    }

    @Test("users, keys and policies are worked on by its name")
    func commands() throws {
        let rig = try AdminRig()
        let url = try PostgresServer.shared.freshSchema()
        try rig.done(["user", "add", "ada", "--store", url])
        try rig.done(["user", "add", "ada", "--store", url], exit: 1)
        #expect(try rig.done(["user", "list"], ["CARILLON_STORE": url]).text == "ada\n")
        let key = try rig.done(["key", "create", "ada", "--label", "l\u{e4}ptop", "--store", url]).text
        let prefix = String(key.dropFirst("car_".count).prefix(8))
        #expect(try rig.done(["key", "list", "ada", "--store", url]).text.contains("valid  l\u{e4}ptop"))
        try rig.done(["key", "revoke", prefix, "--store", url])
        #expect(try rig.done(["key", "list", "ada", "--store", url]).text.contains("revoked"))
        try rig.done(["policy", "set", "note", "lww", "--store", url])
        #expect(try rig.done(["policy", "list", "--store", url]).text.contains("note"))
        try rig.done(["policy", "clear", "note", "--store", url])
        #expect(try !rig.done(["policy", "list", "--store", url]).text.contains("note"))
    }

    @Test("an unfinished store on Postgres is neither served nor worked on")
    func unfinished() throws {
        let rig = try AdminRig()
        let server = try PostgresServer.shared
        let url = try server.freshSchema()
        try rig.done(["admin", "migrate", "--store", url])
        try server.execute("UPDATE log_state SET is_unfinished = true", conninfo: url)
        for command in [["serve", "--listen", "127.0.0.1:0", "--data", rig.path("d")], ["user", "list"]] {
            let program = try rig.done(command + ["--store", url], exit: 74)
            #expect(program.errorText.contains("part of an import that broke off"), "\(program.errorText)")
        }
    }
}
