import Causality
import Foundation
import PostgresStore
import PostgresTesting
import Storage
import Testing

/// A database of the released first step, with something in it.
@Suite(.enabled(if: PostgresServer.isInstalled, "no Postgres is installed"))
struct PostgresMigrationTests {
    private func opened() throws -> String {
        let conninfo = try PostgresServer.shared.freshSchema()
        func run(_ sql: String) throws { try PostgresServer.shared.execute(sql, conninfo: conninfo) }
        let firstStep = PostgresMigrationTests.firstStep.replacingOccurrences(of: "EMBEDDING", with: "bytea")
        try run("CREATE TABLE migrations (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())")
        try run(firstStep)
        try run(PostgresMigrationTests.rows)
        return conninfo
    }

    @Test func aDatabaseOfTheFirstStepIsTakenAlongWithAllThatIsInIt() throws {
        let conninfo = try opened()
        let tables = ["versions", "history", "spaces", "users", "keys", "devices"]
        // A table that is written anew has a new file.
        func files() throws -> [[String?]] {
            try tables.flatMap {
                try PostgresServer.shared.execute("SELECT pg_relation_filenode('\($0)')", conninfo: conninfo)
            }
        }
        let plan = try PostgresStore.plan(conninfo: conninfo)
        #expect(plan.found == 1 && plan.supported == 3 && plan.statements.count == 2)
        #expect(plan.statements.allSatisfy { !$0.contains("EMBEDDING") && !$0.contains("CREATE TABLE versions") })
        #expect(plan.statements.joined().contains("ALTER TABLE versions ADD COLUMN access"))
        let before = try files()
        let store = try PostgresStore(conninfo: conninfo)
        #expect(try files() == before)
        #expect(try PostgresStore.plan(conninfo: conninfo).statements.isEmpty)
        #expect(store.generation == Generation(77))
        let entries = try store.all(of: "u")
        #expect(entries.map(\.position) == [Position(5), Position(6), Position(9)])
        #expect(entries.map(\.isSibling) == [false, true, false] && entries[1].author == "d2")
        #expect(entries[0].change.body.elementsEqual("{ }".utf8) && entries[0].change.embedding == [1])
        #expect(entries[2].change.isDeleted)
        #expect(entries.allSatisfy { $0.owner == "" && $0.change.visibility ?? .private == .private && !$0.wasShared })
        #expect(
            try store.statistics(of: "u")
                == SpaceStatistics(head: Position(9), recordCount: 1, deletedCount: 1, siblingCount: 1))
        let holder = try #require(try store.accounts.holder(prefix: "abcdefgh"))
        #expect(holder.user == User(id: "u", name: "someone") && holder.user.tier == .unlimited)
        #expect(holder.key.label == "web" && holder.key.encryptionSalt == nil)
        let device = try #require(try store.accounts.device("phone", of: "u"))
        #expect(device.replica == "phone.1" && device.acknowledged == Position(5) && device.clientVersion == "")
        let marked = try store.accounts.revocations(after: 3)
        #expect(marked.mark == 4 && marked.revocations == [.key(prefix: "gone")])
        // What came after works on it: teams, sharing of what was there, notes.
        try store.accounts.add(User(id: "v", name: "other"))
        try store.accounts.add(Team(id: "t", name: "team"))
        for user in ["u", "v"] as [Identifier] {
            try store.accounts.setMember(Membership(teamID: "t", userID: user, role: .member))
        }
        #expect(try store.accounts.teammates(of: "v") == ["u"])
        try store.accounts.keepNote([1], "n", device: "phone", of: "u")
        let shared = Change(
            kind: "note", id: "a", clock: VectorClock([.init(replica: "a", counter: 2)]), hash: "h2",
            body: Array("{}".utf8)[...], visibility: .teamRead)
        let push = Submission(space: "u", author: "d1", replica: "a", changes: [shared])
        let result = try Journal(store: store).commit([push], now: Position(20)).results[0][0]
        #expect(result.decision == .verdict(.accepted, .newer))
        let record = try #require(try store.record(RecordKey(space: "u", kind: "note", id: "a")))
        #expect(record.siblings.count == 1 && record.siblings[0].change.visibility == .teamRead)
        #expect(Viewer(user: "v", standing: .guest).shown(try store.all(of: "u")).count == 2)
    }

    private static let rows = """
        INSERT INTO migrations (number) VALUES (1);
        INSERT INTO log_life (generation, row_version) VALUES (77, pg_current_xact_id()::xid::text);
        UPDATE whole SET row_version = pg_current_xact_id()::xid::text;
        UPDATE log_state SET revocation_mark = 4;
        INSERT INTO spaces VALUES ('u', 9, 1, 1, 1);
        INSERT INTO versions (position, updated_at, schema_version, bytes, is_sibling, is_deleted, is_embedded, space,
            kind, id, namespace, author, writer, hash, clock, reason, detail, embedding, body) VALUES
            (5, -3, 2, 300, false, false, true, 'u', 'note', 'a', 'default', 'd1', 'a', 'h', '\\x016101', 'newer', '',
                '\\x0000803f', '{ }'),
            (6, 0, 0, 300, true, false, false, 'u', 'note', 'a', 'default', 'd2', 'b', 'i', '\\x016201', 'newer', '',
                NULL, '[]'),
            (9, 0, 0, 300, false, true, false, 'u', 'note', 'b', 'work', 'd1', 'a', 'j', '\\x016101', 'newer', '', NULL, '');
        INSERT INTO users VALUES ('u', 'someone');
        INSERT INTO keys VALUES ('abcdefgh', 'u', '\\x00', 'web', 3, NULL), ('gone', 'u', '\\x01', 'old', 2, 4);
        INSERT INTO devices VALUES ('u', 'phone', 'phone.1', 'Phone', 'ios', 1, 2, 5, NULL, NULL);
        INSERT INTO revocations (number, prefix) VALUES (4, 'gone');
        """

    /// As the first step wrote it: never to be edited.
    private static let firstStep = #"""
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
        """#
}
