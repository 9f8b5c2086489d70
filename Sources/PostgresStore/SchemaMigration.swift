internal import CPostgres
internal import Storage

/// Brings a database to the schema of this program: all missing steps in one transaction, under the advisory lock of the
/// schema, so that of many hubs that start at once one does it.
struct SchemaMigration {
    let connection: PostgresConnection

    static let created: Statement = Statement(
        "CREATE TABLE migrations (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())",
        isPrepared: false)
    /// Not to_regclass: inside a transaction it answers out of the backend's cache, which does not hear of tables that
    /// another made while the advisory lock was waited for.
    static let isCreated = Statement(
        """
        SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relname = 'migrations'
            AND c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema()))
        """, isPrepared: false)
    static let found = Statement("SELECT coalesce(max(number), 0)::int8 FROM migrations", isPrepared: false)
    static let taken = Statement("INSERT INTO migrations (number) VALUES ($1)", isPrepared: false)
    static let extensionState = Statement(
        """
        SELECT (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                WHERE e.extname = 'vector'),
            EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')
        """, isPrepared: false)
    static let newLife = Statement(
        "INSERT INTO log_life (generation, row_version) VALUES ($1, '')", isPrepared: false)

    /// The step that the database is at.
    func foundVersion() throws(PostgresFailure) -> Int {
        guard try connection.run(SchemaMigration.isCreated).first?.flag(0) == true else { return 0 }
        let found = Int(try connection.run(SchemaMigration.found).first?.number(0) ?? 0)
        guard found > 0 else {
            throw PostgresFailure(kind: .restoring, message: "the table migrations is there, and empty")
        }
        return found
    }

    func plan() throws(PostgresFailure) -> MigrationPlan {
        let found = try foundVersion()
        let type = try connection.run(SchemaMigration.extensionState).first.map { row in
            row.optionalText(0).map { "\($0).vector" } ?? (row.flag(1) ? "vector" : "bytea")
        }
        let missing =
            found < Schema.version ? Schema.steps[found...].map { SchemaMigration.sql($0, type ?? "bytea") } : []
        return MigrationPlan(found: found, supported: Schema.version, statements: missing)
    }

    /// Takes the missing steps. One transaction; nothing happened where it throws.
    func migrate(lock: Int64, generation: UInt64) throws(PostgresFailure) -> Int {
        try connection.execute(script: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        var parameters = Parameters()
        parameters.add(lock)
        _ = try connection.run(Life.exclusiveLock, parameters)
        let found = try foundVersion()
        guard found < Schema.version else {
            try connection.execute(script: "ROLLBACK")
            return found
        }
        let type = try embeddingType()
        if found == 0 { _ = try connection.run(SchemaMigration.created) }
        for (index, step) in Schema.steps.enumerated().dropFirst(found) {
            try connection.execute(script: SchemaMigration.sql(step, type))
            if index == 0 {
                var life = Parameters()
                life.add(Int64(bitPattern: generation))
                _ = try connection.run(SchemaMigration.newLife, life)
            }
            var number = Parameters()
            number.add(Int64(index + 1))
            _ = try connection.run(SchemaMigration.taken, number)
        }
        try connection.execute(script: "COMMIT")
        return Schema.version
    }

    /// pgvector's type by its schema, made where it can be; else bytea.
    private func embeddingType() throws(PostgresFailure) -> String {
        guard let row = try connection.run(SchemaMigration.extensionState).first else { return "bytea" }
        if let place = row.optionalText(0) { return "\(place).vector" }
        guard row.flag(1) else { return "bytea" }
        try connection.execute(script: "SAVEPOINT extension")
        do throws(PostgresFailure) {
            try connection.execute(script: "CREATE EXTENSION vector")
            return "vector"
        } catch {
            guard error.sqlState != nil else { throw error }
            // We may not, or another did at the same moment.
            try connection.execute(script: "ROLLBACK TO SAVEPOINT extension")
            let place = try connection.run(SchemaMigration.extensionState).first?.optionalText(0)
            return place.map { "\($0).vector" } ?? "bytea"
        }
    }

    private static func sql(_ step: String, _ type: String) -> String {
        step.split(separator: "EMBEDDING", omittingEmptySubsequences: false).joined(separator: type)
    }
}
