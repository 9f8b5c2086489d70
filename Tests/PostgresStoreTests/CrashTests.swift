import Causality
import Foundation
import PostgresTesting
import Storage
import Testing

@testable import PostgresStore

/// A server that is killed in the middle of a commit, before anything of it reached its log.
@Suite(
    "A commit that a crash took", .timeLimit(.minutes(5)),
    .enabled(if: TestPostgres.isInstalled, "no Postgres is installed"))
struct CrashTests {
    private static let role = "app"

    private func push(_ id: Identifier) -> Submission {
        let change = Change(
            kind: "note", id: id, clock: VectorClock([.init(replica: "d", counter: 1)]), hash: "h",
            body: Array("{}".utf8)[...])
        return Submission(space: "s", author: "d", replica: "d", changes: [change])
    }

    /// The server gives the transaction's number to the next one: what became of the number says nothing.
    @Test("is not taken for another one that was given its number; where its number is free it is done again")
    func lost() throws {
        for isReused in [true, false] { try lose(isReused: isReused) }
    }

    private func lose(isReused: Bool) throws {
        // Nothing but a commit writes the log to the disk.
        let server = try PostgresServer(.init(settings: ["wal_writer_delay": "10000", "autovacuum": "off"]))
        try server.execute("CREATE ROLE app LOGIN")
        try server.execute("CREATE SCHEMA app AUTHORIZATION app")
        let conninfo =
            String(server.conninfo.split(separator: "&user=")[0])
            + "&user=\(CrashTests.role)&options=-csearch_path%3Dapp"
        var configuration = PostgresStore.Configuration()
        configuration.outcomeSeconds = 40
        let store = try PostgresStore(conninfo: conninfo, configuration: configuration)
        let journal = Journal(store: store)
        _ = try journal.commit([push("before")], now: .start)
        let started = try #require(try server.execute("SELECT pg_postmaster_start_time()")[0][0])
        try server.execute(
            """
            CREATE FUNCTION app.hold() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
            IF pg_postmaster_start_time() = '\(started)' THEN PERFORM pg_sleep(25); END IF; RETURN NEW; END$$;
            CREATE TRIGGER hold BEFORE UPDATE ON app.spaces FOR EACH ROW EXECUTE FUNCTION app.hold()
            """)
        // The store is let in again when the number is another's; its connection stays.
        if isReused { try server.execute("ALTER ROLE app NOLOGIN") }
        let outcome = Guarded<Result<Bool, StoreError>?>(nil)
        let thread = Thread {
            let result: Result<Bool, StoreError>
            do throws(StoreError) {
                result = .success(try journal.commit([push("lost")], now: .start).results[0][0].isSuccess)
            } catch {
                result = .failure(error)
            }
            outcome.withLock { $0 = result }
        }
        thread.start()
        let sleeping = "SELECT backend_xid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        var number: String?
        while number == nil { number = try server.execute(sleeping).first?[0] }
        server.kill()
        try server.start()
        if isReused {
            for _ in 0..<20 { try server.execute("SELECT pg_current_xact_id()") }
            #expect(try server.execute("SELECT pg_xact_status('\(number ?? "")'::xid8)") == [["committed"]])
            try server.execute("ALTER ROLE app LOGIN")
        }
        while outcome.withLock({ $0 }) == nil { usleep(10_000) }
        let isThere = try store.record(RecordKey(space: "s", kind: "note", id: "lost")) != nil
        switch try #require(outcome.withLock { $0 }) {
        case .success(let isSuccess): #expect(isSuccess && isThere && !isReused)
        case .failure(.outcomeUnknown): #expect(!isThere && isReused)
        case .failure(let error): Issue.record(error)
        }
        #expect(store.metrics.outcomesAsked == 1)
        #expect(try journal.commit([push("lost")], now: .start).results[0][0].isSuccess)
        #expect(try store.page(PageQuery(space: "s", after: .start)).entries.map(\.change.id) == ["before", "lost"])
    }
}
