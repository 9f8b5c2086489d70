import CarillonClient
import Foundation
import PostgresTesting
import Testing

/// Several hub processes on one Postgres, and faults.
@Suite("A cluster", .serialized, .timeLimit(.minutes(6)), .enabled(if: PostgresServer.isInstalled))
struct ClusterTests {
    static let users = 4
    static let writers = 64
    static let subscribers = 100
    static let changesEach = 25

    @Test("64 writers on 3 hubs, kills of hubs and of Postgres: 100 subscribers hear each change once and in order")
    func gapFree() throws {
        let server = try PostgresServer(.init(settings: ["max_connections": "200"]))
        let cluster = try HubCluster(conninfo: server.conninfo, hubCount: 3)
        let keys = try (0..<ClusterTests.users).map { try cluster.addUser("user\($0)") }
        // Every commit sleeps some random milliseconds while it holds its space.
        try server.execute(
            """
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN PERFORM pg_sleep(random() * 0.02); RETURN NEW; END$$;
            CREATE TRIGGER dawdle BEFORE UPDATE ON spaces FOR EACH ROW EXECUTE FUNCTION dawdle();
            """)
        let subscribers = try (0..<ClusterTests.subscribers).map { number in
            let subscriber = ClusterSubscriber(name: "s\(number)")
            try subscriber.start(port: cluster.hubs[number % 3].port, key: keys[number % ClusterTests.users])
            return subscriber
        }
        let writers = try (0..<ClusterTests.writers).map { number in
            let writer = ClusterWriter(name: "w\(number)", count: ClusterTests.changesEach)
            try writer.start(port: cluster.hubs[number % 3].port, key: keys[number % ClusterTests.users])
            return writer
        }
        let total = ClusterTests.writers * ClusterTests.changesEach / ClusterTests.users
        func reached(_ share: Double) -> Bool {
            wait(seconds: 90) { Double(subscribers[0].heardCount) >= share * Double(total) }
        }
        #expect(reached(0.1))
        try cluster.hubs[0].killAndRestart()
        #expect(reached(0.25))
        server.kill()
        try server.start()
        #expect(reached(0.45))
        try cluster.hubs[1].killAndRestart()
        #expect(reached(0.65))
        server.kill()
        try server.start()
        try cluster.hubs[2].killAndRestart()
        for writer in writers {
            #expect(writer.waitForEnd(seconds: 120), "\(writer.name) is not done")
            #expect(writer.failure == nil && writer.tally.isAllAccepted, "\(writer.name): \(writer.tally)")
            #expect(writer.tally.accepted + writer.tally.duplicate == ClusterTests.changesEach)
        }
        for (number, subscriber) in subscribers.enumerated() {
            let user = number % ClusterTests.users
            let expected = Set(
                writers.enumerated().filter { $0.offset % ClusterTests.users == user }.flatMap { pair in
                    (0..<ClusterTests.changesEach).map { ClusterWriter.id(pair.element.name, $0) }
                })
            _ = wait(seconds: 60) { subscriber.heardCount >= expected.count }
            let finding = subscriber.finding
            #expect(finding.heard == expected, "\(subscriber.name) misses \(expected.subtracting(finding.heard).count)")
            #expect(finding.twice == 0 && finding.outOfOrder == 0, "\(subscriber.name): \(finding)")
            #expect(finding.restarts == 0 && finding.fatal == nil, "\(subscriber.name): \(finding)")
            subscriber.post(ClusterDevice.Stop())
        }
        for subscriber in subscribers { #expect(subscriber.waitForEnd(seconds: 10)) }
    }

    private func wait(seconds: Double, until condition: () -> Bool) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while Date() < deadline {
            if condition() { return true }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return condition()
    }
}
