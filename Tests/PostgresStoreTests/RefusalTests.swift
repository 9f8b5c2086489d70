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
