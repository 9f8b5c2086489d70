internal import CPostgres
internal import Storage

/// The tables as they were found at opening, after what was missing was made.
struct OpenedSchema: Sendable {
    let name: String
    let databaseName: String
    /// Whether the tables were made just now.
    let isNew: Bool
    let lockKey: Int64
    let embeddings: EmbeddingColumn
    let life: LifeStatements

    private static let place = Statement("SELECT current_schema()::text, current_database()::text", isPrepared: false)
    private static let embeddingType = Statement(
        """
        SELECT t.typname::text, t.oid::int8, t.typarray::int8 FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = to_regclass(quote_ident(current_schema()) || '.versions') AND a.attname = 'embedding'
        """, isPrepared: false)

    init(
        _ connection: PostgresConnection, migrates: Bool, log: @Sendable (String) -> Void
    ) throws(PostgresFailure) {
        let place = try connection.run(OpenedSchema.place).first
        guard let place, let name = place.optionalText(0) else {
            throw PostgresFailure(
                kind: .server(sqlState: "3F000"),
                message: "none of the schemas in search_path exists: create one, or name another")
        }
        self.name = name
        databaseName = place.text(1)
        lockKey = OpenedSchema.lockKey(name)
        let migration = SchemaMigration(connection: connection)
        var found = try migration.foundVersion()
        let before = found
        if found < Schema.version {
            guard migrates else {
                throw PostgresFailure(
                    kind: .unreachable, message: "the standby has no tables of this version yet (step \(found)).")
            }
            var random = SystemRandomNumberGenerator()
            found = try migration.migrate(lock: lockKey, generation: random.next())
            if before > 0 { log("The schema \(name) was taken from step \(before) to \(found).") }
        }
        guard found <= Schema.version else { throw SchemaMismatch.newer(found) }
        isNew = before == 0
        guard let permissions = try connection.run(LifeStatements.permissions).first else {
            throw PostgresFailure(kind: .damaged, message: "the server does not say what we may read")
        }
        life = LifeStatements(readsSystem: permissions.flag(0), readsTimeline: permissions.flag(1))
        guard let type = try connection.run(OpenedSchema.embeddingType).first else {
            throw PostgresFailure(kind: .damaged, message: "the table versions has no embeddings")
        }
        embeddings =
            type.text(0) == "vector"
            ? .vector(type: Oid(truncatingIfNeeded: type.number(1)), array: Oid(truncatingIfNeeded: type.number(2)))
            : .bytes
    }

    /// The generation of the log that the connection leads to: a new one where it lives elsewhere than it was written.
    func settle(
        on connection: PostgresConnection, isReplica: Bool, log: @Sendable (String) -> Void
    ) throws(PostgresFailure) -> Generation {
        // search_path may have been set anew since, for the role or the database, or a schema made that comes first.
        let place = try connection.run(OpenedSchema.place).first
        guard let place, place.optionalText(0) == name, place.text(1) == databaseName else {
            throw PostgresFailure(
                kind: .server(sqlState: "3F000"),
                message:
                    "a new connection leads to the schema \(place?.optionalText(0) ?? "none"), and those before to "
                    + "\(name): name one in the connection text (options=-csearch_path=...), and start again")
        }
        guard let found = try connection.run(life.reading).first.map(Life.init) else { throw Life.missing }
        guard found.isElsewhere, !isReplica else { return found.generation }
        let renewed = try OpenedSchema.renew(on: connection, lockKey: lockKey, life: life, onlyIfElsewhere: true)
        log("The log lives elsewhere than it was written, and has the new generation \(renewed.text).")
        return renewed
    }

    /// Writes a new generation and where it lives, while nobody commits.
    static func renew(
        on connection: PostgresConnection, lockKey: Int64, life: LifeStatements, onlyIfElsewhere: Bool = false
    ) throws(PostgresFailure) -> Generation {
        var key = Parameters()
        key.add(lockKey)
        try connection.send(PostgresTransaction.begin)
        try connection.send(Life.exclusiveLock, key)
        try connection.send(life.reading)
        guard let found = try connection.sync().last?.first.map(Life.init) else { throw Life.missing }
        if onlyIfElsewhere {
            let isWhole = try connection.run(LifeStatements.isWhole).first?.flag(0) ?? false
            guard found.isElsewhere, isWhole else {
                _ = try connection.run(PostgresTransaction.rollback)
                if found.isElsewhere { throw Life.partial }
                return found.generation
            }
        }
        var random = SystemRandomNumberGenerator()
        let generation = Generation(random.next())
        var parameters = Parameters()
        parameters.add(Int64(bitPattern: generation.value))
        try connection.send(life.renewal, parameters)
        try connection.send(PostgresTransaction.commit)
        _ = try connection.sync()
        return generation
    }

    /// FNV-1a of the schema's name, so that two of one database do not wait for each other.
    private static func lockKey(_ name: String) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "carillon.\(name)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(bitPattern: hash)
    }
}

/// A schema that is newer than this program, as a failure: with a SQLSTATE of our own and the step as its message.
enum SchemaMismatch {
    static let sqlState = "CAR01"

    static func newer(_ found: Int) -> PostgresFailure {
        PostgresFailure(kind: .server(sqlState: sqlState), message: String(found))
    }
}
