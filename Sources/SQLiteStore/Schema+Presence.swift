internal import GRDB

extension Schema {
    /// Presence of devices, and what was taken back by number: hubs look for both, and each has a clock of its own.
    @Sendable static func addPresence(_ database: Database) throws {
        try database.execute(
            sql: """
                ALTER TABLE devices ADD COLUMN connected_until INTEGER;
                DROP INDEX keys_by_revocation;
                CREATE TABLE revocations (
                    number INTEGER PRIMARY KEY,
                    key_prefix TEXT,
                    device TEXT,
                    user_id TEXT
                );
                """)
    }
}
