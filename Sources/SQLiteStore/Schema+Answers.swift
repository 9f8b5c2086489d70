internal import GRDB

extension Schema {
    /// Requests that come again: the answers of pushes over REST, kept for a day, and the key under which a device was
    /// registered.
    ///
    /// `number` rises in the order of keeping: the newest of a device are its highest.
    @Sendable static func addAnswers(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE answers (
                    number INTEGER PRIMARY KEY,
                    space INTEGER NOT NULL,
                    device TEXT NOT NULL,
                    push TEXT NOT NULL,
                    digest BLOB NOT NULL,
                    kept_at INTEGER NOT NULL,
                    items BLOB NOT NULL
                );
                CREATE UNIQUE INDEX answers_by_push ON answers (space, device, push, digest);
                CREATE INDEX answers_by_age ON answers (kept_at);
                ALTER TABLE devices ADD COLUMN registration_key TEXT;
                """)
    }
}
