internal import GRDB
internal import Storage

/// The tables, and the numbered steps that lead to them.
///
/// `PRAGMA application_id` says that a file is ours, `PRAGMA user_version` how many steps it has taken. A step is never
/// edited once released: a new one is appended.
///
/// - Spaces have numbers here, so that a name of 36 bytes is not repeated in every row and index. The number is the
///   first column of every key of the log.
/// - `versions` is clustered by (space, position): an append goes to the end of its space and a page is one range.
///   `heads` finds a record's head and forbids a second one; `siblings` is empty for nearly every record.
/// - Bodies are BLOBs, so that nothing on the way takes them for text; clocks and embeddings as in `StoredForm.swift`.
enum Schema {
    /// "CARI".
    static let applicationID: Int32 = 0x4341_5249
    static var version: Int { steps.count }

    static let steps: [@Sendable (Database) throws -> Void] = [
        createAll, addAnswers, addMerging, addFilling, addPresence, addSharing, addTeams,
    ]

    /// Refuses a file that another program wrote or that a newer Carillon did. Runs on each new connection, before
    /// anything is changed in the file.
    static func check(_ database: Database) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard try !isEmpty(database) else { return }
        let owner = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        guard owner == applicationID else { throw StoreError.corrupt("the file is a database of another program") }
        guard found <= version else { throw StoreError.newerSchema(found: found, supported: version) }
    }

    /// Takes the missing steps, all in the caller's transaction.
    static func migrate(_ database: Database) throws {
        try check(database)
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard found < version else { return }
        for step in steps[found...] { try step(database) }
        try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    private static func isEmpty(_ database: Database) throws -> Bool {
        try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
    }

    @Sendable private static func createAll(_ database: Database) throws {
        try database.execute(sql: tables)
        var random = SystemRandomNumberGenerator()
        let generation = Int64(bitPattern: random.next())
        try database.execute(sql: "INSERT INTO log_life (only, generation) VALUES (0, ?)", arguments: [generation])
    }

    private static let tables = """
        CREATE TABLE log_life (only INTEGER PRIMARY KEY CHECK (only = 0), generation INTEGER NOT NULL);
        CREATE TABLE spaces (
            number INTEGER PRIMARY KEY,
            space TEXT NOT NULL UNIQUE,
            head INTEGER NOT NULL,
            record_count INTEGER NOT NULL DEFAULT 0,
            deleted_count INTEGER NOT NULL DEFAULT 0,
            sibling_count INTEGER NOT NULL DEFAULT 0
        );
        CREATE TABLE versions (
            space INTEGER NOT NULL,
            position INTEGER NOT NULL,
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            is_sibling INTEGER NOT NULL,
            author TEXT NOT NULL,
            namespace TEXT NOT NULL,
            clock BLOB NOT NULL,
            hash TEXT NOT NULL,
            is_deleted INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            schema_version INTEGER NOT NULL,
            writer TEXT NOT NULL,
            embedding BLOB,
            body BLOB NOT NULL,
            PRIMARY KEY (space, position)
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX heads ON versions (space, kind, id) WHERE is_sibling = 0;
        CREATE INDEX siblings ON versions (space, kind, id) WHERE is_sibling = 1;
        CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;
        CREATE TABLE keys (
            prefix TEXT PRIMARY KEY,
            user_id TEXT NOT NULL REFERENCES users (id),
            secret_hash BLOB NOT NULL,
            label TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revoked_at INTEGER
        ) WITHOUT ROWID;
        CREATE INDEX keys_by_user ON keys (user_id, created_at);
        CREATE INDEX keys_by_revocation ON keys (revoked_at) WHERE revoked_at IS NOT NULL;
        CREATE TABLE devices (
            user_id TEXT NOT NULL REFERENCES users (id),
            id TEXT NOT NULL,
            replica TEXT NOT NULL,
            name TEXT NOT NULL,
            platform TEXT NOT NULL,
            registered_at INTEGER NOT NULL,
            last_seen_at INTEGER NOT NULL,
            acknowledged INTEGER,
            PRIMARY KEY (user_id, id)
        ) WITHOUT ROWID;
        """
}
