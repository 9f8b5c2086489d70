import Causality
import Foundation
import PostgresTesting
import Storage
import Testing

@testable import PostgresStore

@Suite("Accounts in Postgres")
struct AccountTests {
    private func accounts(_ conninfo: String) throws -> PostgresAccounts {
        PostgresAccounts(store: try PostgresStore(conninfo: conninfo))
    }

    private func device(_ id: Identifier, of user: Identifier) -> Device {
        Device(
            userID: user, id: id, replica: id, name: "", platform: "", registeredAt: Position(1),
            lastSeenAt: Position(1))
    }

    private func key(_ prefix: String) -> APIKeyRecord {
        APIKeyRecord(prefix: prefix, userID: "1", secretHash: [1], label: "", createdAt: .start)
    }

    @Test("whoever follows the marks sees each revocation of two hubs once, in the order of commits")
    func revocationsOfTwoHubs() throws {
        let conninfo = try PostgresServer.shared.freshSchema()
        let hubs = [try accounts(conninfo), try accounts(conninfo)]
        try hubs[0].add(User(id: "1", name: "ann"))
        for number in 0..<60 {
            try hubs[0].add(key("k\(number)"))
            try hubs[0].register(device(Identifier(unchecked: "d\(number)"), of: "1"))
        }
        #expect(try hubs[1].revocations(after: nil) == RevocationPage(revocations: [], mark: 0))
        let done = ErrorsAndValues<Bool>()
        let follower = Thread {
            var (mark, seen) = (Int64(0), [Revocation]())
            let deadline = Date(timeIntervalSinceNow: 60)
            done.collect {
                while seen.count < 120, Date() < deadline {
                    let page = try hubs[1].revocations(after: mark)
                    #expect(!page.isIncomplete && Int64(page.revocations.count) == page.mark - mark)
                    (mark, seen) = (page.mark, seen + page.revocations)
                }
                let keys = Set(seen.compactMap { if case .key(let prefix) = $0 { prefix } else { nil } })
                #expect(keys.count == 60)
                return seen.count == 120
            }
        }
        follower.start()
        let wrong = ErrorsAndValues<Bool>()
        DispatchQueue.concurrentPerform(iterations: 120) { number in
            let hub = hubs[number % 2]
            wrong.collect {
                number < 60
                    ? try hub.revokeKey(prefix: "k\(number)", at: Position(9))
                    : try hub.removeDevice(Identifier(unchecked: "d\(number - 60)"), of: "1")
            }
        }
        #expect(wrong.errors.isEmpty && wrong.values.allSatisfy { $0 })
        while done.values.isEmpty, done.errors.isEmpty { Thread.sleep(forTimeInterval: 0.01) }
        #expect(done.values == [true])
        #expect(try !hubs[0].revokeKey(prefix: "none", at: Position(9)))
        #expect(try hubs[0].revokeKey(prefix: "k1", at: Position(10)) && !hubs[1].removeDevice("d1", of: "1"))
        #expect(try hubs[0].revocations(after: 120) == RevocationPage(revocations: [], mark: 120))
    }

    @Test("a mark of another life, or one behind what is kept, is incomplete")
    func incomplete() throws {
        let conninfo = try PostgresServer.shared.freshSchema()
        let accounts = try accounts(conninfo)
        try accounts.add(User(id: "1", name: "ann"))
        try accounts.add(key("p"))
        try accounts.add(key("q"))
        try PostgresServer.shared.execute(
            """
            INSERT INTO revocations (number, prefix) SELECT n, 'x' || n FROM generate_series(1, 10001) n;
            UPDATE log_state SET revocation_mark = 10001;
            """, conninfo: conninfo)
        #expect(try accounts.revokeKey(prefix: "p", at: Position(1)))
        #expect(try accounts.revocations(after: 10_001).revocations == [.key(prefix: "p")])
        let page = try accounts.revocations(after: 1)
        #expect(page.isIncomplete && page.revocations.count == RevocationPage.countKept && page.mark == 10_002)
        #expect(try !accounts.revocations(after: 2).isIncomplete)
        for mark in [10_003, Int64.max, -1, .min] {
            let page = try accounts.revocations(after: mark)
            #expect(page.isIncomplete && page.revocations.count == RevocationPage.countKept, "\(mark)")
        }
    }

    @Test("presence is noted of those who are registered, and a registration anew forgets it")
    func presence() throws {
        let conninfo = try PostgresServer.shared.freshSchema()
        let accounts = try accounts(conninfo)
        for user: Identifier in ["1", "2"] { try accounts.add(User(id: user, name: user)) }
        for user: Identifier in ["1", "2"] { try accounts.register(device("laptop", of: user)) }
        func noted() throws -> [[String?]] {
            try PostgresServer.shared.execute(
                "SELECT space, connected_until FROM devices ORDER BY space", conninfo: conninfo)
        }
        try accounts.note([
            Presence(device: "laptop", userID: "2", until: Position(7)),
            Presence(device: "nobody", userID: "1", until: Position(7)),
            Presence(device: "laptop", userID: "1", until: Position(7)),
            Presence(device: "laptop", userID: "1", until: Position(8)),
        ])
        #expect(try noted() == [["1", "8"], ["2", "7"]])
        try accounts.note([Presence(device: "laptop", userID: "1", until: nil)])
        try accounts.note([])
        #expect(try noted() == [["1", nil], ["2", "7"]])
        try accounts.register(device("laptop", of: "2"))
        #expect(try noted() == [["1", nil], ["2", nil]])
    }

    @Test("many registrations at once share commits")
    func sharedCommits() throws {
        let accounts = try accounts(PostgresServer.shared.freshSchema())
        try accounts.add(User(id: "1", name: "ann"))
        let before = accounts.store.sharedStatements.transactionCount
        let outcomes = ErrorsAndValues<Device>()
        let threads = 64
        let group = DispatchGroup()
        for number in 0..<threads {
            group.enter()
            let thread = Thread {
                for round in 0..<8 {
                    outcomes.collect {
                        try accounts.registerOnce(device(Identifier(unchecked: "d\(number)-\(round)"), of: "1"))
                    }
                }
                group.leave()
            }
            thread.start()
        }
        group.wait()
        #expect(outcomes.errors.isEmpty && outcomes.values.count == threads * 8)
        #expect(accounts.store.sharedStatements.transactionCount - before < threads * 4)
        #expect(try accounts.devices(of: "1").count == threads * 8)
    }

    @Test("a registration outlives connections that are killed under it; what comes again is the same one")
    func killedConnections() throws {
        let server = try PostgresServer.shared
        let name = "accounts-\(UInt32.random(in: 0 ... .max))"
        let accounts = try accounts(server.freshSchema() + "&application_name=\(name)")
        try accounts.add(User(id: "1", name: "ann"))
        let killing = Thread {
            while !Thread.current.isCancelled {
                _ = try? server.terminateBackends(where: "application_name = '\(name)'")
                Thread.sleep(forTimeInterval: 0.02)
            }
        }
        killing.start()
        var lost = 0
        for number in 0..<200 {
            var wanted = device(Identifier(unchecked: "d\(number)"), of: "1")
            wanted.registrationKey = "k\(number)"
            for _ in 0..<50 {
                do throws(StoreError) {
                    #expect(try accounts.registerOnce(wanted).replica == wanted.replica)
                    break
                } catch {
                    #expect(error.isRetryable, "\(error)")
                    lost += 1
                }
            }
        }
        killing.cancel()
        #expect(lost < 200)
        Thread.sleep(forTimeInterval: 0.1)
        #expect(try accounts.devices(of: "1").count == 200)
    }
}
