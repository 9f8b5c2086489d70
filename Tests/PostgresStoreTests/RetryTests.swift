import Causality
import Foundation
import PostgresTesting
import Storage
import Testing

@testable import PostgresStore

/// What is tried again inside, how often, and what is counted.
@Suite("A write that Postgres refuses for now", .enabled(if: TestPostgres.isInstalled, "no Postgres is installed"))
struct RetryTests {
    private func push(_ id: String, to store: PostgresStore) throws(StoreError) {
        let change = Change(
            kind: "note", id: Identifier(unchecked: id), clock: VectorClock([.init(replica: "d", counter: 1)]),
            hash: "h",
            body: Array("{}".utf8)[...])
        let submission = Submission(space: "s", author: "d", replica: "d", changes: [change])
        _ = try Journal(store: store).commit([submission], now: .start)
    }

    private func device(_ id: Identifier) -> Device {
        Device(userID: "1", id: id, replica: id, name: "", platform: "", registeredAt: .start, lastSeenAt: .start)
    }

    /// The first `count` insertions into `table` fail. A sequence goes on through rollbacks.
    private func refuse(_ count: Int, _ state: String, on table: String, _ conninfo: String) throws {
        try TestPostgres.execute(
            """
            CREATE SEQUENCE attempts; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('attempts') <= \(count) THEN RAISE EXCEPTION 'refused' USING ERRCODE = '\(state)'; END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER refuse AFTER INSERT ON \(table) FOR EACH STATEMENT EXECUTE FUNCTION refuse();
            """, in: conninfo)
    }

    @Test("is tried again, counted by its reason", arguments: ["40001", "40P01", "55P03"])
    func again(state: String) throws {
        let conninfo = try TestPostgres.freshSchema()
        let store = try PostgresStore(conninfo: conninfo)
        try refuse(3, state, on: "versions", conninfo)
        try push("r", to: store)
        #expect(try store.statistics(of: "s").recordCount == 1)
        var expected = PostgresMetrics()
        (expected.commits, expected.connections) = (1, 2)
        switch state {
        case "40001": expected.serializationRetries = 3
        case "40P01": expected.deadlockRetries = 3
        default: expected.lockTimeoutRetries = 3
        }
        #expect(store.metrics == expected)
        #expect(store.metricsText.contains("carillon_store_commits_total 1\n"))
        let reasons = ["40001": "serialization", "40P01": "deadlock", "55P03": "lock_timeout"]
        #expect(store.metricsText.contains("carillon_store_retries_total{reason=\"\(reasons[state] ?? "")\"} 3\n"))
    }

    @Test("is given up after eight attempts, with nothing written")
    func givenUp() throws {
        let conninfo = try TestPostgres.freshSchema()
        let store = try PostgresStore(conninfo: conninfo)
        try refuse(8, "40001", on: "versions", conninfo)
        let error = #expect(throws: StoreError.self) { try push("r", to: store) }
        #expect(error?.isRetryable == true)
        #expect(store.metrics.serializationRetries == 7 && store.metrics.commits == 0)
        #expect(try store.statistics(of: "s").head == .start)
        try push("r", to: store)
        #expect(try store.statistics(of: "s").recordCount == 1)
    }

    @Test("of an account is tried again and counted, too")
    func accounts() throws {
        let conninfo = try TestPostgres.freshSchema()
        let store = try PostgresStore(conninfo: conninfo)
        try store.accounts.add(User(id: "1", name: "ann"))
        try refuse(2, "40001", on: "devices", conninfo)
        try store.accounts.register(device("d"))
        #expect(store.metrics.serializationRetries == 2)
        #expect(try store.accounts.devices(of: "1").count == 1)
    }

    @Test("waits for a locked space as long as it may, then again, and says so")
    func lockTimeout() throws {
        let conninfo = try TestPostgres.freshSchema()
        var configuration = PostgresStore.Configuration()
        (configuration.lockSeconds, configuration.statementSeconds) = (1, 3)
        let store = try PostgresStore(conninfo: conninfo, configuration: configuration)
        try push("r", to: store)
        let other = try PostgresConnection(ConnectionSettings(conninfo: conninfo))
        try other.execute(script: "BEGIN; SELECT FROM spaces WHERE space = 's' FOR UPDATE")
        let begun = MonotonicTime.now
        let error = #expect(throws: StoreError.self) { try push("q", to: store) }
        #expect(MonotonicTime.now - begun < 10_000_000_000)
        #expect("\(String(describing: error))".contains("55P03"))
        #expect(error?.isRetryable == true && store.metrics.lockTimeoutRetries >= 1)
        try other.execute(script: "COMMIT")
        try push("q", to: store)
        #expect(try store.statistics(of: "s").recordCount == 2)
    }

    @Test("prepares anew what the server has forgotten")
    func forgottenStatements() throws {
        let conninfo = try TestPostgres.freshSchema()
        var configuration = PostgresStore.Configuration()
        (configuration.writersMax, configuration.readersMax) = (1, 1)
        let store = try PostgresStore(conninfo: conninfo, configuration: configuration)
        try push("r", to: store)
        #expect(try store.head(of: "s") > .start)
        for pool in [store.writers, store.readers] {
            try pool.lend { (connection) throws(PostgresFailure) in try connection.execute(script: "DEALLOCATE ALL") }
        }
        try push("q", to: store)
        #expect(try store.statistics(of: "s").recordCount == 2)
        // Columns of another type: each plan that gives them is refused.
        try TestPostgres.execute(
            "DROP VIEW records; ALTER TABLE spaces ALTER record_count TYPE numeric; "
                + "ALTER TABLE spaces ALTER record_count TYPE bigint; ALTER TABLE spaces ALTER head TYPE numeric",
            in: conninfo)
        _ = try store.statistics(of: "s")
    }

    @Test("gives a read that a standby's replay was in the way of another try")
    func readAgain() throws {
        let store = try PostgresStore(conninfo: TestPostgres.freshSchema())
        var attempts = 0
        let number = try store.read { (connection) throws(PostgresFailure) -> Int64? in
            attempts += 1
            if attempts < 3 {
                throw PostgresFailure(kind: .server(sqlState: "40001"), message: "conflict with recovery")
            }
            return try connection.run("SELECT 7::int8").first?.number(0)
        }
        #expect(number == 7 && store.metrics.serializationRetries == 2)
    }

    @Test("is given up where the log's life can never be settled", .timeLimit(.minutes(5)))
    func restless() throws {
        let conninfo = try TestPostgres.freshSchema()
        let store = try PostgresStore(conninfo: conninfo)
        try TestPostgres.execute(
            """
            CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN NEW.row_version := 'never'; RETURN NEW; END $$;
            CREATE TRIGGER forget BEFORE UPDATE ON log_life FOR EACH ROW EXECUTE FUNCTION forget();
            UPDATE log_life SET row_version = '';
            """, in: conninfo)
        let error = #expect(throws: StoreError.self) { try push("r", to: store) }
        #expect(error?.isRetryable == true)
    }

    @Test("keeps what is updated all the time on its page, out of the indexes")
    func updatesInPlace() throws {
        let conninfo = try TestPostgres.freshSchema()
        let store = try PostgresStore(conninfo: conninfo)
        try store.accounts.add(User(id: "1", name: "ann"))
        for number in 0..<200 { try store.accounts.register(device(Identifier(unchecked: "d\(number)"))) }
        let pages = "SELECT id, (ctid::text::point)[0]::int FROM devices ORDER BY id"
        let before = try TestPostgres.execute(pages, in: conninfo)
        for number in 0..<200 {
            try store.accounts.acknowledge(
                Position(5), device: Identifier(unchecked: "d\(number)"), of: "1", at: Position(9))
        }
        // A full page gives up all of its rows; of half empty ones some move where other tests' snapshots are in the way.
        let after = try TestPostgres.execute(pages, in: conninfo)
        #expect(zip(before, after).count { $0 != $1 } < 60)
    }
}
