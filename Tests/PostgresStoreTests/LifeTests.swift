import Causality
import PostgresTesting
import Storage
import Testing

@testable import PostgresStore

@Suite("The schema and the log's life", .enabled(if: TestPostgres.isInstalled, "no Postgres is installed"))
struct LifeTests {
    @Test("are kept when it is opened again, and are others in another schema")
    func reopened() throws {
        let conninfo = try TestPostgres.freshSchema()
        let plan = try PostgresStore.plan(conninfo: conninfo)
        #expect(plan.found == 0 && plan.statements.count == plan.supported)
        let store = try PostgresStore(conninfo: conninfo)
        #expect(try PostgresStore(conninfo: conninfo).generation == store.generation)
        #expect(try PostgresStore(conninfo: TestPostgres.freshSchema()).generation != store.generation)
        #expect(try PostgresStore.plan(conninfo: conninfo).statements.isEmpty)
        #expect(try !store.isUnfinished)
        let before = store.generation
        try store.renewGeneration()
        #expect(store.generation != before)
        #expect(try PostgresStore(conninfo: conninfo).generation == store.generation)
    }

    @Test("of a copied row is another, for a hub that runs too")
    func restored() throws {
        let conninfo = try TestPostgres.freshSchema()
        let store = try PostgresStore(conninfo: conninfo)
        let before = store.generation
        // What pg_restore does: the same values, written by another transaction.
        try TestPostgres.execute(
            "CREATE TABLE copy AS TABLE log_life; DELETE FROM log_life; INSERT INTO log_life SELECT * FROM copy",
            in: conninfo)
        try store.write { (transaction) throws(StoreError) in _ = try transaction.lockHead(of: "s") }
        #expect(store.generation != before)
        #expect(try PostgresStore(conninfo: conninfo).generation == store.generation)
    }

    @Test("are the same after VACUUM FULL, CLUSTER, freezing, and a crash")
    func rewritten() throws {
        let server = try PostgresServer()
        let store = try PostgresStore(conninfo: server.conninfo)
        let before = store.generation
        func expectSame() throws {
            _ = try store.head(of: "s")
            try store.write { (transaction) throws(StoreError) in _ = try transaction.lockHead(of: "s") }
            #expect(store.generation == before)
            #expect(try PostgresStore(conninfo: server.conninfo).generation == before)
        }
        for statement in [
            "VACUUM FULL", "VACUUM (FREEZE, FULL)", "CLUSTER log_life USING log_life_pkey",
            "CLUSTER whole USING whole_pkey", "VACUUM FREEZE", "REINDEX SCHEMA public", "ANALYZE", "CHECKPOINT",
        ] {
            try server.execute(statement)
            try expectSame()
        }
        server.kill()
        try server.start()
        try expectSame()
        server.stop()
        try server.start()
        try expectSame()
    }

    @Test("that a restore brings in part by part are unavailable until all is there, and then are new")
    func inParts() throws {
        let conninfo = try TestPostgres.freshSchema()
        let store = try PostgresStore(conninfo: conninfo)
        let before = store.generation
        func expectUnavailable() {
            #expect { try store.head(of: "s") } throws: {
                if case StoreError.unavailable = $0 { true } else { false }
            }
        }
        try TestPostgres.execute("CREATE TABLE kept AS TABLE log_life; DELETE FROM log_life", in: conninfo)
        expectUnavailable()
        try TestPostgres.execute(
            """
            CREATE TABLE rest AS TABLE whole; DELETE FROM whole;
            INSERT INTO log_life SELECT * FROM kept; ALTER TABLE keys DROP CONSTRAINT keys_user_id_fkey
            """, in: conninfo)
        expectUnavailable()
        try TestPostgres.execute("INSERT INTO whole SELECT * FROM rest", in: conninfo)
        expectUnavailable()
        #expect(store.generation == before)
        try TestPostgres.execute("ALTER TABLE keys ADD FOREIGN KEY (user_id) REFERENCES users (id)", in: conninfo)
        _ = try store.head(of: "s")
        #expect(store.generation != before)
        try TestPostgres.execute("ALTER TABLE spaces RENAME TO gone", in: conninfo)
        expectUnavailable()
        try TestPostgres.execute("ALTER TABLE gone RENAME TO spaces", in: conninfo)
        _ = try store.head(of: "s")
    }

    @Test("of a newer program is refused with both versions")
    func newer() throws {
        let conninfo = try TestPostgres.freshSchema()
        _ = try PostgresStore(conninfo: conninfo)
        try TestPostgres.execute("INSERT INTO migrations (number) VALUES (99)", in: conninfo)
        #expect(throws: StoreError.newerSchema(found: 99, supported: Schema.version)) {
            try PostgresStore(conninfo: conninfo)
        }
    }

    @Test("shows bodies as jsonb, and those that jsonb cannot hold as NULL")
    func view() throws {
        let conninfo = try TestPostgres.freshSchema()
        let store = try PostgresStore(conninfo: conninfo)
        let bodies = ["{\"a\": [1, 2]}", "\"\\u0000\"", "\"\\ud800\"", ""]
        let changes = bodies.enumerated().map { index, body in
            Change(
                kind: "note", id: Identifier(unchecked: "\(index)"),
                clock: VectorClock([.init(replica: "d", counter: 1)]), hash: "h", body: Array(body.utf8)[...])
        }
        let submission = Submission(space: "s", author: "d", replica: "d", changes: changes)
        _ = try Journal(store: store).commit([submission], now: .start)
        let entries = try store.page(PageQuery(space: "s", after: .start)).entries
        #expect(entries.map { String(decoding: $0.change.body, as: UTF8.self) } == bodies)
        let shown = try TestPostgres.execute(
            "SELECT body->'a'->>1, body IS NULL FROM records ORDER BY id", in: conninfo)
        #expect(shown == [["2", "f"], [nil, "t"], [nil, "t"], [nil, "t"]])
    }
}
