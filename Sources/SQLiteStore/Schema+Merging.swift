internal import GRDB

extension Schema {
    /// Policies by kind, the versions that merging needs, and why each entry of the log stands where it stands.
    ///
    /// The two new columns of `versions` come after the body, where ALTER TABLE puts them: whoever reads without
    /// content reads without them, too.
    @Sendable static func addMerging(_ database: Database) throws {
        try database.execute(
            sql: """
                ALTER TABLE versions ADD COLUMN reason TEXT NOT NULL DEFAULT 'newer';
                ALTER TABLE versions ADD COLUMN detail TEXT NOT NULL DEFAULT '';
                CREATE TABLE policies (kind TEXT PRIMARY KEY, policy TEXT NOT NULL, rule TEXT NOT NULL) WITHOUT ROWID;
                CREATE TABLE history (
                    space INTEGER NOT NULL,
                    kind TEXT NOT NULL,
                    id TEXT NOT NULL,
                    number INTEGER NOT NULL,
                    namespace TEXT NOT NULL,
                    clock BLOB NOT NULL,
                    hash TEXT NOT NULL,
                    is_deleted INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL,
                    schema_version INTEGER NOT NULL,
                    writer TEXT NOT NULL,
                    embedding BLOB,
                    body BLOB NOT NULL,
                    PRIMARY KEY (space, kind, id, number)
                ) WITHOUT ROWID;
                """)
    }
}
