internal import GRDB

extension Schema {
    /// What a user may have and is known by, who shares with whom, and what is kept of devices of other protocols.
    ///
    /// `number` of a note rises in the order of keeping, of all notes: the oldest of a device is its lowest.
    @Sendable static func addTeams(_ database: Database) throws {
        try database.execute(
            sql: """
                ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';
                ALTER TABLE users ADD COLUMN tier TEXT NOT NULL DEFAULT 'unlimited';
                ALTER TABLE users ADD COLUMN device_limit INTEGER NOT NULL DEFAULT -1;
                ALTER TABLE users ADD COLUMN record_limit INTEGER NOT NULL DEFAULT -1;
                ALTER TABLE users ADD COLUMN password_hash TEXT;
                CREATE UNIQUE INDEX users_by_email ON users (email) WHERE email <> '';
                ALTER TABLE keys ADD COLUMN encryption_salt BLOB;
                ALTER TABLE devices ADD COLUMN client_version TEXT NOT NULL DEFAULT '';
                ALTER TABLE revocations ADD COLUMN team TEXT;
                CREATE TABLE teams (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;
                CREATE TABLE members (
                    team_id TEXT NOT NULL REFERENCES teams (id),
                    user_id TEXT NOT NULL REFERENCES users (id),
                    role TEXT NOT NULL,
                    PRIMARY KEY (team_id, user_id)
                ) WITHOUT ROWID;
                CREATE INDEX members_by_user ON members (user_id, team_id);
                CREATE TABLE notes (
                    number INTEGER PRIMARY KEY,
                    user_id TEXT NOT NULL,
                    device TEXT NOT NULL,
                    name TEXT NOT NULL,
                    note BLOB NOT NULL,
                    FOREIGN KEY (user_id, device) REFERENCES devices (user_id, id) ON DELETE CASCADE
                );
                CREATE UNIQUE INDEX notes_by_name ON notes (user_id, device, name);
                """)
    }
}
