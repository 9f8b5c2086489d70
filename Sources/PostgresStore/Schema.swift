/// The tables, and the numbered steps that lead to them.
///
/// The table `migrations` says which steps were taken. A step is never edited once released: a new one is appended.
///
/// - Tables of a space begin each key with `space`, and every statement on them names it, so that they shard by it.
///   `devices` and `notes` belong to their user's own space. All others are small, and the same on every shard.
/// - Names compare by their bytes, in the order in which the protocol lists them: COLLATE "C".
/// - `versions` is read along its key: a page is one range. `heads` finds a record's head and forbids a second one;
///   `siblings` is empty for nearly every record. `bytes` is what an entry counts in a page (`VersionRow`), so that a
///   page's statement stops by itself.
/// - Bodies are text, byte for byte; the view `records` shows them as jsonb, and NULL where jsonb takes them not
///   (`\u0000`, a lone surrogate).
/// - `log_life` has one row that is written with a new generation only: its `xmin` is part of what tells a restored
///   database (`Life`). What changes often has a row of its own in `log_state`.
/// - `whole` has one row that is written together with `log_life`'s. Its name is the last one, so that a restore brings
///   it after all others.
/// - `spaces`, `devices` and `log_state` are updated all the time, in no column of an index: pages that are half empty
///   keep the new versions beside the old ones, out of the indexes (HOT).
/// - Rows of up to 4 KiB stay whole on their page: an embedding of 768 numbers, or a note, needs no second table.
enum Schema {
    static var version: Int { steps.count }

    /// With `EMBEDDING` where the column's type goes.
    static let steps: [String] = [tables, sharing, teams]

    /// Whose a record is, and who else may see it (`LogEntry.storedAccess`). Constant defaults: no row is written again.
    private static let sharing = """
        ALTER TABLE versions ADD COLUMN access integer NOT NULL DEFAULT 0;
        ALTER TABLE versions ADD COLUMN owner text COLLATE "C" NOT NULL DEFAULT '';
        CREATE OR REPLACE VIEW records AS SELECT space, kind, id, namespace, position,
            to_timestamp(position / 1000000.0) AS written_at, is_sibling, is_deleted, author, hash, schema_version,
            updated_at, body_as_jsonb(body) AS body, embedding,
            (ARRAY['private', 'team_read', 'team_write'])[(access & 3) + 1] AS visibility, owner
            FROM versions;
        """

    private static let tables = """
        CREATE TABLE log_life (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            generation bigint NOT NULL,
            system_identifier text,
            timeline text,
            database_oid text,
            row_version text NOT NULL
        );
        CREATE TABLE log_state (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            policy_revision bigint NOT NULL DEFAULT 0,
            revocation_mark bigint NOT NULL DEFAULT 0,
            is_unfinished boolean NOT NULL DEFAULT false
        ) WITH (fillfactor = 50);
        INSERT INTO log_state DEFAULT VALUES;
        CREATE TABLE spaces (
            space text COLLATE "C" PRIMARY KEY,
            head bigint NOT NULL,
            record_count bigint NOT NULL DEFAULT 0,
            deleted_count bigint NOT NULL DEFAULT 0,
            sibling_count bigint NOT NULL DEFAULT 0
        ) WITH (fillfactor = 50);
        CREATE TABLE versions (
            position bigint NOT NULL,
            updated_at bigint NOT NULL,
            schema_version integer NOT NULL,
            bytes integer NOT NULL,
            is_sibling boolean NOT NULL,
            is_deleted boolean NOT NULL,
            is_embedded boolean NOT NULL,
            space text COLLATE "C" NOT NULL,
            kind text COLLATE "C" NOT NULL,
            id text COLLATE "C" NOT NULL,
            namespace text COLLATE "C" NOT NULL,
            author text COLLATE "C" NOT NULL,
            writer text COLLATE "C" NOT NULL,
            hash text COLLATE "C" NOT NULL,
            clock bytea NOT NULL,
            reason text COLLATE "C" NOT NULL,
            detail text COLLATE "C" NOT NULL,
            embedding EMBEDDING,
            body text COLLATE "C" NOT NULL,
            PRIMARY KEY (space, position)
        ) WITH (toast_tuple_target = 4096);
        ALTER TABLE versions ALTER COLUMN embedding SET STORAGE EXTERNAL;
        CREATE UNIQUE INDEX heads ON versions (space, kind, id) WHERE NOT is_sibling;
        CREATE INDEX siblings ON versions (space, kind, id, position) WHERE is_sibling;
        CREATE TABLE history (
            number bigint NOT NULL,
            updated_at bigint NOT NULL,
            schema_version integer NOT NULL,
            is_deleted boolean NOT NULL,
            is_embedded boolean NOT NULL,
            space text COLLATE "C" NOT NULL,
            kind text COLLATE "C" NOT NULL,
            id text COLLATE "C" NOT NULL,
            namespace text COLLATE "C" NOT NULL,
            writer text COLLATE "C" NOT NULL,
            hash text COLLATE "C" NOT NULL,
            clock bytea NOT NULL,
            embedding EMBEDDING,
            body text COLLATE "C" NOT NULL,
            PRIMARY KEY (space, kind, id, number)
        ) WITH (toast_tuple_target = 4096);
        ALTER TABLE history ALTER COLUMN embedding SET STORAGE EXTERNAL;
        CREATE TABLE answers (
            space text COLLATE "C" NOT NULL,
            device text COLLATE "C" NOT NULL,
            push bytea NOT NULL,
            digest bytea NOT NULL,
            number bigint GENERATED BY DEFAULT AS IDENTITY,
            kept_at bigint NOT NULL,
            items bytea NOT NULL,
            PRIMARY KEY (space, device, push, digest)
        );
        CREATE INDEX answers_by_number ON answers (space, device, number);
        CREATE INDEX answers_by_age ON answers (space, kept_at);
        CREATE TABLE policies (kind text COLLATE "C" PRIMARY KEY, policy text NOT NULL, rule text NOT NULL);
        CREATE TABLE users (id text COLLATE "C" PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE);
        CREATE TABLE keys (
            prefix text COLLATE "C" PRIMARY KEY,
            user_id text COLLATE "C" NOT NULL REFERENCES users (id),
            secret_hash bytea NOT NULL,
            label text NOT NULL,
            created_at bigint NOT NULL,
            revoked_at bigint
        );
        CREATE INDEX keys_by_user ON keys (user_id, created_at);
        CREATE TABLE devices (
            space text COLLATE "C" NOT NULL REFERENCES users (id),
            id text COLLATE "C" NOT NULL,
            replica text COLLATE "C" NOT NULL,
            name text NOT NULL,
            platform text NOT NULL,
            registered_at bigint NOT NULL,
            last_seen_at bigint NOT NULL,
            acknowledged bigint,
            registration_key text COLLATE "C",
            connected_until bigint,
            PRIMARY KEY (space, id)
        ) WITH (fillfactor = 50);
        CREATE TABLE revocations (
            number bigint PRIMARY KEY,
            prefix text COLLATE "C",
            user_id text COLLATE "C",
            device text COLLATE "C"
        );
        CREATE FUNCTION body_as_jsonb(body text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
        BEGIN
            RETURN body::jsonb;
        EXCEPTION WHEN others THEN
            RETURN NULL;
        END
        $$;
        CREATE VIEW records AS SELECT space, kind, id, namespace, position,
            to_timestamp(position / 1000000.0) AS written_at, is_sibling, is_deleted, author, hash, schema_version,
            updated_at, body_as_jsonb(body) AS body, embedding
            FROM versions;
        CREATE TABLE whole (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            row_version text NOT NULL DEFAULT ''
        );
        INSERT INTO whole DEFAULT VALUES;
        """
}
