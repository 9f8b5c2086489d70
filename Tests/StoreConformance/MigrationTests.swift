import Causality
import Foundation
import GRDB
import SQLiteStore
import Storage
import Testing

/// Files of released steps, with something in them.
@Suite struct MigrationTests {
    @Test func aFileOfTheFirstStepIsTakenAlongWithAllThatIsInIt() throws {
        let path = temporaryPath()
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try DatabaseQueue(path: path).write { database in
            try database.execute(sql: MigrationTests.firstStep)
            try database.execute(sql: MigrationTests.rows)
        }
        let store = try SQLiteStore(path: path)
        #expect(store.generation == Generation(77))
        let entries = try store.all()
        #expect(entries.map(\.position) == [Position(5), Position(6), Position(9)])
        #expect(entries.allSatisfy { $0.reason == .newer && $0.detail.isEmpty })
        #expect(entries[0].change.clock == VectorClock([.init(replica: "a", counter: 1)]))
        #expect(entries[0].change.body.elementsEqual("{ }".utf8) && entries[0].change.embedding == [1])
        #expect(entries[1].isSibling && entries[1].author == "d2" && entries[2].change.isDeleted)
        #expect(
            try store.statistics(of: "s")
                == SpaceStatistics(head: Position(9), recordCount: 1, deletedCount: 1, siblingCount: 1))
        let device = try #require(try store.accounts.device("phone", of: "u"))
        #expect(device.replica == "phone.1" && device.acknowledged == Position(5))
        // What came after works on it: policies, answers, merging.
        try store.setPolicy(.merge(.plain), for: "note")
        let change = Change(
            kind: "note", id: "a", clock: VectorClock([.init(replica: "a", counter: 2)]), hash: "h2",
            body: Array("{}".utf8)[...])
        let submission = Submission(
            space: "s", author: "d1", replica: "a", changes: [change],
            answerKey: AnswerKey(pushID: "p", digest: [1]))
        let journal = Journal(store: store, contentHash: MergeConformance.hash)
        let first = try journal.commit([submission], now: Position(20)).results[0]
        #expect(first.map(\.decision) == [.verdict(.accepted, .newer)])
        #expect(try journal.commit([submission], now: Position(30)).results[0] == first)
        let record = try #require(try SQLiteStore(path: path).record(RecordKey(space: "s", kind: "note", id: "a")))
        #expect(record.head.position == Position(20) && record.siblings.map(\.position) == [Position(6)])
    }

    fileprivate static let rows = """
        INSERT INTO log_life (only, generation) VALUES (0, 77);
        INSERT INTO spaces VALUES (1, 's', 9, 1, 1, 1);
        INSERT INTO versions VALUES
            (1, 5, 'note', 'a', 0, 'd1', 'default', x'016101', 'h', 0, -3, 2, 'a', x'0000803f', CAST('{ }' AS BLOB)),
            (1, 6, 'note', 'a', 1, 'd2', 'default', x'016201', 'i', 0, 0, 0, 'b', NULL, CAST('[]' AS BLOB)),
            (1, 9, 'note', 'b', 0, 'd1', 'work', x'016101', 'j', 1, 0, 0, 'a', NULL, x'');
        INSERT INTO users VALUES ('u', 'someone');
        INSERT INTO devices VALUES ('u', 'phone', 'phone.1', 'Phone', 'ios', 1, 2, 5);
        PRAGMA application_id = 0x43415249;
        PRAGMA user_version = 1;
        """

    /// As the first step wrote it: never to be edited.
    fileprivate static let firstStep = """
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

extension MigrationTests {
    @Test func aPlanHasTheStatementsOfTheMissingStepsAndChangesNothing() throws {
        let path = temporaryPath()
        let none = try StoreBackup.plan(path: path)
        #expect(none.found == 0 && none.statements.contains { $0.contains("CREATE TABLE versions") })
        #expect(!FileManager.default.fileExists(atPath: path))
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        let queue = try DatabaseQueue(path: path)
        try queue.write { database in
            try database.execute(sql: MigrationTests.firstStep)
            try database.execute(sql: MigrationTests.rows)
        }
        let plan = try StoreBackup.plan(path: path)
        #expect(plan.found == 1 && plan.supported > 1)
        #expect(!plan.statements.contains { $0.contains("CREATE TABLE versions") })
        // They are what it takes, as they stand there.
        try queue.write { database in
            for statement in plan.statements { try database.execute(sql: statement) }
            try database.execute(sql: "PRAGMA user_version = \(plan.supported)")
        }
        #expect(try StoreBackup.plan(path: path).statements.isEmpty)
        #expect(try SQLiteStore(path: path).all().count == 3)
    }
}
