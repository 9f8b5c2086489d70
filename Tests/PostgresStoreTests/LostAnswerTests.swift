import Causality
import Foundation
import PostgresTesting
import Storage
import Testing

@testable import PostgresStore

/// A connection that is lost at a certain message.
@Suite("A commit whose answer is lost", .enabled(if: TestPostgres.isInstalled, "no Postgres is installed"))
struct LostAnswerTests {
    private func open(
        _ proxy: PostgresProxy, _ conninfo: String, outcomeSeconds: Int = 10
    ) throws -> PostgresStore {
        var configuration = PostgresStore.Configuration()
        configuration.outcomeSeconds = outcomeSeconds
        return try PostgresStore(conninfo: proxy.conninfo(conninfo), configuration: configuration)
    }

    private func push(_ id: String, to store: PostgresStore) throws(StoreError) -> ItemResult {
        let change = Change(
            kind: "note", id: Identifier(unchecked: id), clock: VectorClock([.init(replica: "d", counter: 1)]),
            hash: "h",
            body: Array("{}".utf8)[...])
        let submission = Submission(space: "s", author: "d", replica: "d", changes: [change])
        return try Journal(store: store).commit([submission], now: .start).results[0][0]
    }

    private func isAccepted(_ result: ItemResult) -> Bool {
        if case .verdict(.accepted, _) = result.decision { true } else { false }
    }

    @Test("is looked up: what was committed is accepted, once", arguments: 0..<3)
    func committed(round: Int) throws {
        let proxy = try PostgresProxy(PostgresServer.shared)
        let store = try open(proxy, TestPostgres.freshSchema())
        // Also on a connection that has prepared its statements.
        for number in 0..<round { #expect(try isAccepted(push("before\(number)", to: store))) }
        proxy.lose(.answerLost)
        #expect(try isAccepted(push("lost", to: store)))
        #expect(proxy.countOfFaults == 1 && store.metrics.outcomesAsked == 1)
        #expect(store.metrics.connectionRetries == 0 && store.metrics.commits == round + 1)
        #expect(try store.statistics(of: "s").recordCount == round + 1)
    }

    @Test("is done again when it never arrived", arguments: 0..<3)
    func aborted(round: Int) throws {
        let proxy = try PostgresProxy(PostgresServer.shared)
        let store = try open(proxy, TestPostgres.freshSchema())
        for number in 0..<round { #expect(try isAccepted(push("before\(number)", to: store))) }
        proxy.lose(.commitLost)
        #expect(try isAccepted(push("lost", to: store)))
        #expect(proxy.countOfFaults == 1 && store.metrics.outcomesAsked == 1)
        #expect(store.metrics.connectionRetries == 1 && store.metrics.commits == round + 1)
        #expect(try store.statistics(of: "s").recordCount == round + 1)
    }

    @Test("stays unknown while it is in progress for too long, and is waited for while it is not")
    func inProgress() throws {
        let proxy = try PostgresProxy(PostgresServer.shared)
        let conninfo = try TestPostgres.freshSchema()
        let hasty = try open(proxy, conninfo, outcomeSeconds: 1)
        proxy.lose(.commitHeld)
        let error = #expect(throws: StoreError.self) { try push("held", to: hasty) }
        guard case .outcomeUnknown = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        proxy.release()
        let patient = try open(proxy, conninfo)
        #expect(try isAccepted(push("before", to: patient)))
        proxy.lose(.commitHeld)
        let releasing = Thread {
            while proxy.countOfFaults < 2 || patient.metrics.outcomesAsked == 0 { usleep(1_000) }
            proxy.release()
        }
        releasing.start()
        #expect(try isAccepted(push("held", to: patient)))
        #expect(patient.metrics.outcomesAsked == 1 && patient.metrics.connectionRetries == 1)
        #expect(try patient.statistics(of: "s").recordCount == 2)
    }

    @Test("is not taken for another one that has its number after a crash")
    func numberGivenOutAgain() throws {
        // Nothing goes to the disk that no commit asks for: the number is forgotten by the crash.
        let server = try PostgresServer(.init(settings: ["wal_writer_delay": "10s", "autovacuum": "off"]))
        let proxy = try PostgresProxy(server)
        let store = try open(proxy, server.freshSchema(), outcomeSeconds: 60)
        #expect(try isAccepted(push("before", to: store)))
        try server.execute("CHECKPOINT")
        proxy.lose(.commitHeld)
        let numbers = Guarded<[Int64]>([])
        let crash = Thread {
            while proxy.countOfFaults == 0 { usleep(1_000) }
            proxy.setRefusing(true)
            server.kill()
            do {
                try server.start()
                let lost = numbers.withLock { $0.last } ?? 0
                var next: Int64 = 0
                while next < lost {
                    next = try server.execute("SELECT pg_current_xact_id()").first?.first?.flatMap { Int64($0) } ?? .max
                    numbers.withLock { $0.append(next) }
                }
            } catch { Issue.record(error) }
            proxy.setRefusing(false)
        }
        crash.start()
        let outcome = Result { () throws(StoreError) in
            try store.write { (transaction) throws(StoreError) in
                let head = try transaction.lockHead(of: "s")
                let time = try transaction.time ?? .start
                numbers.withLock { $0.append((transaction as? PostgresTransaction)?.transactionID ?? 0) }
                let entry = LogEntry(
                    position: head.next(now: time), author: "d",
                    change: Change(
                        kind: "note", id: "lost", clock: VectorClock([.init(replica: "d", counter: 1)]), hash: "h",
                        body: Array("{}".utf8)[...]))
                try transaction.append([entry], ending: [], in: "s", head: entry.position)
            }
        }
        let seen = numbers.withLock { $0 }
        #expect(seen.count > 1 && seen[1...].contains(seen[0]), "the number was not given out again: \(seen)")
        guard case .failure(.outcomeUnknown) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(try store.statistics(of: "s").recordCount == 1)
    }

    @Test("of an account is done again where it may be, and told as unknown where not")
    func accounts() throws {
        let proxy = try PostgresProxy(PostgresServer.shared)
        let store = try open(proxy, TestPostgres.freshSchema())
        try store.accounts.add(User(id: "1", name: "ann"))
        let device = Device(
            userID: "1", id: "d", replica: "r", name: "", platform: "", registeredAt: .start, lastSeenAt: .start)
        proxy.lose(.answerLost)
        try store.accounts.register(device)
        proxy.lose(.answerLost)
        try store.setPolicy(.lastWriterWins, for: "note")
        #expect(proxy.countOfFaults == 2)
        #expect(try store.policies() == ["note": .lastWriterWins])
        proxy.lose(.answerLost)
        let error = #expect(throws: StoreError.self) { try store.accounts.add(User(id: "2", name: "bob")) }
        guard case .outcomeUnknown = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try store.accounts.users().count == 2)
    }

    @Test("of an account is told as unknown also when nobody is there for the second try")
    func accountsThenAway() throws {
        let proxy = try PostgresProxy(PostgresServer.shared)
        let store = try open(proxy, TestPostgres.freshSchema())
        try store.accounts.add(User(id: "1", name: "ann"))
        for attempt in [
            {
                try store.accounts.register(
                    Device(
                        userID: "1", id: "d", replica: "r", name: "", platform: "", registeredAt: .start,
                        lastSeenAt: .start))
            },
            { try store.setPolicy(.lastWriterWins, for: "note") },
        ] {
            // A connection that is there already.
            try store.setPolicy(nil, for: "other")
            proxy.lose(.answerLost)
            proxy.setRefusing(true)
            let error = #expect(throws: StoreError.self) { try attempt() }
            proxy.setRefusing(false)
            guard case .outcomeUnknown = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("ends within the bounds where a peer is gone without a word", .timeLimit(.minutes(5)))
    func silence() throws {
        let proxy = try PostgresProxy(PostgresServer.shared)
        var configuration = PostgresStore.Configuration()
        (configuration.statementSeconds, configuration.outcomeSeconds) = (1, 2)
        let store = try PostgresStore(
            conninfo: proxy.conninfo(TestPostgres.freshSchema()), configuration: configuration)
        #expect(try isAccepted(push("before", to: store)))
        proxy.setSilent(true)
        for attempt in [
            { _ = try push("silent", to: store) }, { _ = try store.head(of: "s") },
            { try store.accounts.add(User(id: "1", name: "ann")) },
        ] {
            let begun = MonotonicTime.now
            #expect(throws: StoreError.self) { try attempt() }
            #expect(MonotonicTime.now - begun < 15_000_000_000)
        }
        proxy.setSilent(false)
        #expect(try isAccepted(push("after", to: store)))
    }
}
