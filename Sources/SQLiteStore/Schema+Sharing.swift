internal import GRDB

extension Schema {
    /// Whose a record is, and who else may see it.
    ///
    /// What a version is told by lies in the column that said whether it is a deletion, as more bits of it: 0 and 1, what
    /// there is, are private ones. A new column would come behind the body, and deciding would read its overflow pages.
    /// The owner does lie there: rows of users' own spaces have none, and a bit says so.
    @Sendable static func addSharing(_ database: Database) throws {
        try database.execute(
            sql: """
                ALTER TABLE versions RENAME COLUMN is_deleted TO flags;
                ALTER TABLE versions ADD COLUMN owner TEXT NOT NULL DEFAULT '';
                ALTER TABLE history RENAME COLUMN is_deleted TO flags;
                """)
    }
}
