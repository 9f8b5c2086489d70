import Causality
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
