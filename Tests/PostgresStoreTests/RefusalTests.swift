import Causality
import Foundation
import PostgresTesting
import Storage
import Testing

@testable import PostgresStore

/// What a server does not let us do, and what a person is told of it.
@Suite("A Postgres that refuses")
struct RefusalTests {
    private func error(_ conninfo: String, _ configuration: PostgresStore.Configuration = .init()) -> StoreError? {
        do throws(StoreError) {
            _ = try PostgresStore(conninfo: conninfo, configuration: configuration)
            return nil
        } catch {
            return error
        }
    }

    private func expectDenied(_ error: StoreError?, saying words: String) {
        guard case .denied(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(words), "\(reason)")
        #expect(!reason.contains("secret"), "\(reason)")
    }

    private func expectUnavailable(_ error: StoreError?, saying words: String) {
        guard case .unavailable(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(words), "\(reason)")
    }

    @Test("a wrong password, a missing one, an unknown user and a missing database are told as such")
    func credentials() throws {
        let server = try PostgresServer(.init(listensOnLoopback: true))
        try server.execute("CREATE ROLE app LOGIN PASSWORD 'secret'")
        try server.execute("CREATE SCHEMA app AUTHORIZATION app")
        try server.admit(["host all all 127.0.0.1/32 scram-sha-256"])
        let place = "127.0.0.1:\(server.port)"
        expectDenied(error("postgres://app:secret2@\(place)/carillon"), saying: "password")
        expectDenied(error("postgres://app@\(place)/carillon"), saying: "password")
        expectDenied(error("postgres://nobody:secret@\(place)/carillon"), saying: "password")
        expectDenied(error("postgres://app:secret@\(place)/elsewhere"), saying: "elsewhere")
        #expect(error("postgres://app:secret@\(place)/carillon?options=-csearch_path%3Dapp") == nil)
    }

    @Test(
        "a connection text that is not understood is told without what may be its password",
        arguments: [
            "postgres://app:secret@[::1/carillon", "postgres://app:se%zzcret@localhost/carillon",
            "postgres://app:x@secret@localhost/carillon", "postgres://app:secret/2@localhost/carillon",
            "postgres://app:a\"secret%zz@localhost/x", "host=localhost password=a secret",
            "host=localhost password=a secret=b", "host=localhost port=secret",
            "password='secret", "postgres://app:secret@localhost/x?sslmod=secret",
        ])
    func passwordsInErrors(conninfo: String) {
        let error = error(conninfo)
        expectDenied(error, saying: "connection text")
        #expect(!"\(String(describing: error))".contains("cret"), "\(String(describing: error))")
    }

    @Test("a store on a standby that is not there may pass")
    func standbyAway() throws {
        var configuration = PostgresStore.Configuration()
        configuration.isReplica = true
        expectUnavailable(error("postgres:///carillon?host=/nonexistent", configuration), saying: "No such file")
        expectUnavailable(error("postgres://127.0.0.1:1/carillon", configuration), saying: "refused")
        let empty = try PostgresServer.shared.freshSchema()
        expectUnavailable(error(empty, configuration), saying: "no tables of this version")
    }

    @Test("a session that is read only by default, or whose commits do not wait, writes and waits all the same")
    func sessionDefaults() throws {
        let conninfo =
            try PostgresServer.shared.freshSchema()
            + "%20-cdefault_transaction_read_only%3Don%20-csynchronous_commit%3Doff%20-cdefault_transaction_isolation%3Dserializable"
        let store = try PostgresStore(conninfo: conninfo)
        try store.accounts.add(User(id: "1", name: "ann"))
        try store.setPolicy(.lastWriterWins, for: "note")
        let change = Change(
            kind: "note", id: "r", clock: VectorClock([.init(replica: "d", counter: 1)]), hash: "h",
            body: Array("{}".utf8)[...])
        _ = try Journal(store: store).commit(
            [Submission(space: "s", author: "d", replica: "d", changes: [change])], now: .start)
        let settings = try store.writers.lend { (connection) throws(PostgresFailure) in
            try connection.run("SELECT current_setting('synchronous_commit')").first?.text(0)
        }
        #expect(settings == "on")
    }

    @Test("a schema whose name needs quotes, and a role that may make nothing, are enough once the tables are there")
    func quotedSchemaAndPlainRole() throws {
        let server = try PostgresServer()
        try server.admit(["local all all trust"])
        try server.execute("CREATE SCHEMA \"Our \"\"Notes\"\"\"")
        let options = "&options=-csearch_path%3D%22Our%5C%20%22%22Notes%22%22%22"
        let owner = try PostgresStore(conninfo: server.conninfo + options)
        #expect(owner.schemaName == "Our \"Notes\"")
        try server.execute("CREATE ROLE app LOGIN")
        try server.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        try server.execute("GRANT USAGE ON SCHEMA \"Our \"\"Notes\"\"\" TO app")
        try server.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"Our \"\"Notes\"\"\" TO app")
        try server.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA \"Our \"\"Notes\"\"\" TO app")
        try server.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        let plain = server.conninfo.replacing("user=carillon", with: "user=app") + options
        let store = try PostgresStore(conninfo: plain)
        #expect(store.generation == owner.generation)
        try store.accounts.add(User(id: "1", name: "ann"))
        #expect(try owner.accounts.users().count == 1)
    }

    @Test("connections that lead to another schema than the first one are refused")
    func otherSchema() throws {
        let server = try PostgresServer()
        try server.admit(["local all all trust"])
        try server.execute("CREATE ROLE app LOGIN")
        for schema in ["one", "two"] { try server.execute("CREATE SCHEMA \(schema) AUTHORIZATION app") }
        let conninfo = server.conninfo.replacing("user=carillon", with: "user=app")
        try server.execute("ALTER ROLE app SET search_path = two")
        _ = try PostgresStore(conninfo: conninfo)
        try server.execute("ALTER ROLE app SET search_path = one")
        let store = try PostgresStore(conninfo: conninfo)
        try server.execute("ALTER ROLE app SET search_path = two")
        // The readers' first connection.
        let error = #expect(throws: StoreError.self) { try store.head(of: "s") }
        expectDenied(error, saying: "search_path")
    }

    @Test("TLS that one side wants and the other does not have is told as such")
    func tls() throws {
        let plain = try PostgresServer(.init(listensOnLoopback: true))
        expectDenied(error(plain.loopbackConninfo + "?sslmode=require"), saying: "does not support SSL")
        let strict = try PostgresServer(.init(hasTLS: true, listensOnLoopback: true))
        try strict.admit(["hostssl all all 127.0.0.1/32 trust"])
        expectDenied(error(strict.loopbackConninfo + "?sslmode=disable"), saying: "no encryption")
        expectDenied(
            error(strict.loopbackConninfo + "?sslmode=verify-full&sslrootcert=/nonexistent"), saying: "certificate")
        #expect(error(strict.loopbackConninfo + "?sslmode=require") == nil)
    }

    @Test("nobody there, and no connection left, may pass")
    func unavailable() throws {
        expectUnavailable(error("postgres:///carillon?host=/nonexistent"), saying: "No such file")
        let server = try PostgresServer(
            .init(settings: ["max_connections": "6", "superuser_reserved_connections": "1"]))
        try server.execute("CREATE ROLE app LOGIN")
        try server.execute("CREATE SCHEMA app AUTHORIZATION app")
        try server.admit(["local all all trust"])
        let conninfo =
            server.conninfo.split(separator: "&user=")[0] + "&user=app&options=-csearch_path%3Dapp"
        let settings = try ConnectionSettings(conninfo: String(conninfo))
        var held: [PostgresConnection] = []
        for _ in 0..<5 { held.append(try PostgresConnection(settings)) }
        expectUnavailable(error(String(conninfo)), saying: "max_connections")
        withExtendedLifetime(held) {}
        held = []
        // A backend goes a moment after its client.
        let isIn = (0..<100).contains { _ in
            if error(String(conninfo)) == nil { return true }
            Thread.sleep(forTimeInterval: 0.05)
            return false
        }
        #expect(isIn)
    }

    @Test("a statement that takes too long is ended, and the next one works")
    func statementTimeout() throws {
        let server = try PostgresServer.shared
        let conninfo = try server.freshSchema()
        var configuration = PostgresStore.Configuration()
        configuration.statementSeconds = 1
        configuration.lockSeconds = 60
        let store = try PostgresStore(conninfo: conninfo, configuration: configuration)
        let lock = try PostgresConnection(ConnectionSettings(conninfo: conninfo))
        try lock.execute(script: "SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE spaces, users")
        let begun = Date()
        for attempt in [{ _ = try store.head(of: "s") }, { _ = try store.accounts.users() }] {
            let error = #expect(throws: StoreError.self) { try attempt() }
            expectUnavailable(error, saying: "took too long")
        }
        #expect(Date().timeIntervalSince(begun) < 20)
        try lock.execute(script: "COMMIT")
        #expect(try store.head(of: "s") == .start && store.accounts.users().isEmpty)
    }

    @Test("a full disk is told as such, keeps what is there, and passes when there is room")
    func full() throws {
        guard let server = try? PostgresServer(.init(smallDiskMiB: 24)) else {
            print("No small disk can be made here (root only): a full disk is not tested.")
            return
        }
        try server.execute("CREATE TABLESPACE small LOCATION '\(server.smallDiskPath)'")
        try server.execute("CREATE TABLE ballast (filling text) TABLESPACE small")
        try server.execute("ALTER TABLE ballast ALTER filling SET STORAGE EXTERNAL")
        try server.execute("INSERT INTO ballast SELECT repeat('x', 1000000) FROM generate_series(1, 8)")
        let conninfo =
            PostgresServer.conninfo(server.conninfo, schema: "public") + "%20-cdefault_tablespace%3Dsmall"
        let store = try PostgresStore(conninfo: conninfo)
        func write(_ number: Int) throws(StoreError) {
            var random = SystemRandomNumberGenerator()
            // Of random letters: Postgres would make little of a text that repeats itself.
            let noise = (0..<1_000_000).map { _ in UInt8.random(in: 0x61...0x7a, using: &random) }
            let change = Change(
                kind: "note", id: Identifier(unchecked: "r\(number)"), namespace: "default",
                clock: VectorClock([.init(replica: "d", counter: 1)]), hash: "h",
                body: ([0x22] + noise + [0x22])[...])
            let submission = Submission(space: "s", author: "d", replica: "d", changes: [change])
            _ = try Journal(store: store).commit([submission], now: Position(Int64(number)))
        }
        var written = 0
        var error: StoreError?
        while error == nil, written < 40 {
            do throws(StoreError) {
                try write(written)
                written += 1
            } catch let refusal {
                error = refusal
            }
        }
        guard case .full(let reason) = error else {
            Issue.record("\(String(describing: error)) after \(written)")
            return
        }
        #expect(reason.contains("disk"), "\(reason)")
        #expect(try store.statistics(of: "s").recordCount == written)
        try server.execute("DROP TABLE ballast")
        try server.execute("CHECKPOINT")
        try write(written)
        #expect(try store.statistics(of: "s").recordCount == written + 1)
    }

    @Test("stores that open one empty schema at once find it made once")
    func racing() throws {
        let conninfo = try PostgresServer.shared.freshSchema()
        let generations = ErrorsAndValues<Generation>()
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            generations.collect { try PostgresStore(conninfo: conninfo).generation }
        }
        #expect(generations.errors.isEmpty, "\(generations.errors)")
        #expect(generations.values.count == 8 && Set(generations.values).count == 1)
        let steps = try PostgresServer.shared.execute("SELECT number FROM migrations", conninfo: conninfo)
        #expect(steps == (1...Schema.version).map { ["\($0)"] })
    }
}

/// Outcomes from several threads.
final class ErrorsAndValues<Value: Sendable>: @unchecked Sendable {
    // @unchecked: touched with `lock` held.
    private let lock = NSLock()
    private var collected: (errors: [any Error], values: [Value]) = ([], [])

    func collect(_ body: () throws -> Value) {
        let outcome = Result { try body() }
        lock.withLock {
            switch outcome {
            case .success(let value): collected.values.append(value)
            case .failure(let error): collected.errors.append(error)
            }
        }
    }

    var errors: [any Error] { lock.withLock { collected.errors } }
    var values: [Value] { lock.withLock { collected.values } }
}
