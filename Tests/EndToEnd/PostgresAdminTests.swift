import Foundation
import PostgresTesting
import Testing

/// `--store` with a Postgres of the tests' own.
@Suite(
    "A store on Postgres, by its name", .serialized, .timeLimit(.minutes(3)), .enabled(if: PostgresServer.isInstalled))
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
