internal import ArgumentParser
internal import CarillonClient
internal import Foundation
internal import SQLiteStore
internal import Storage

extension AdminCommand {
    /// `carillon admin migrate`: a store's schema.
    struct Migrate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring a store's schema up to this program's.",
            discussion: """
                Starting a hub does the same. --dry-run shows the version that is there, the one that this program \
                knows, and the SQL of the steps between; it changes nothing.

                  carillon admin migrate --dry-run
                  carillon admin migrate --store postgres --dry-run > steps.sql

                A store that is newer than this program is refused.
                """)

        @Flag(help: "Only show what would be done.")
        var dryRun = false
        @Flag(help: "Tell it as JSON: found, supported, statements.")
        var json = false
        @OptionGroup var store: StoreOptions

        func run() throws {
            let choice = try store.lasting()
            let plan: MigrationPlan
            do throws(StoreError) {
                plan = try Migrate.plan(choice)
            } catch {
                throw choice.failure(error, "Cannot look at \(choice.shown)")
            }
            try Output.write(json ? Migrate.json(plan) : Array(Migrate.text(plan, choice).utf8))
            guard !dryRun, !plan.statements.isEmpty else { return }
            var lock: FolderLock?
            if case .sqlite(let data) = choice {
                try data.create()
                lock = try data.lock()
            }
            _ = try choice.open()
            withExtendedLifetime(lock) {}
            if !json { Terminal.complain("Done: \(choice.shown) has the version \(plan.supported).") }
        }

        private static func plan(_ choice: StoreChoice) throws(StoreError) -> MigrationPlan {
            switch choice {
            case .sqlite(let data): try StoreBackup.plan(path: data.databasePath)
            case .postgres(let conninfo): try PostgresSeam.plan(conninfo)
            // `StoreOptions.lasting` lets none through.
            case .memory: MigrationPlan(found: 0, supported: 0, statements: [])
            }
        }

        /// SQL with comments, so that it can be read by a person and by a database's own tool.
        private static func text(_ plan: MigrationPlan, _ choice: StoreChoice) -> String {
            var text = "-- \(choice.shown)\n-- found version \(plan.found), this program's \(plan.supported)\n"
            if plan.statements.isEmpty { text += "-- nothing is to be done\n" }
            for statement in plan.statements { text += statement + (statement.hasSuffix(";") ? "\n" : ";\n") }
            return text
        }

        private static func json(_ plan: MigrationPlan) -> [UInt8] {
            var out = Array("{\"found\":\(plan.found),\"supported\":\(plan.supported),\"statements\":[".utf8)
            for (index, statement) in plan.statements.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                JSONText.append(statement, into: &out)
            }
            return out + Array("]}\n".utf8)
        }
    }
}
