internal import GRDB
internal import Storage

extension Schema {
    /// The mark of a store that holds a part of what it is to be filled with.
    @Sendable static func addFilling(_ database: Database) throws {
        try database.execute(sql: "ALTER TABLE log_life ADD COLUMN is_unfinished INTEGER NOT NULL DEFAULT 0")
    }

    /// What opening the file at `path` would do to it; nothing is done.
    ///
    /// The missing steps are taken in memory, and their statements written down.
    static func plan(_ database: Database) throws -> MigrationPlan {
        try check(database)
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        var plan = MigrationPlan(found: found, supported: version, statements: [])
        try DatabaseQueue().write { scratch in
            for step in steps.prefix(found) { try step(scratch) }
            var statements: [String] = []
            scratch.trace { event in
                if case .statement(let statement) = event { statements.append(statement.sql) }
            }
            for step in steps.dropFirst(found) { try step(scratch) }
            scratch.trace(options: [])
            plan.statements = statements
        }
        return plan
    }
}
