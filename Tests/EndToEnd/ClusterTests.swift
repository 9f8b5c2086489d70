import CarillonClient
import Foundation
import PostgresTesting
import Testing

/// Several hub processes on one Postgres, and faults.
@Suite("A cluster", .serialized, .timeLimit(.minutes(4)), .enabled(if: PostgresServer.isInstalled))
struct ClusterTests {
    static let users = 4
    static let writers = 64
    static let subscribers = 100
    static let changesEach = 25
    /// From the first push to the last subscriber's last change; some 20 where nothing else runs.
    static let seconds = 90.0

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
        let deadline = Date(timeIntervalSinceNow: ClusterTests.seconds)
        let writers = try (0..<ClusterTests.writers).map { number in
            let writer = ClusterWriter(name: "w\(number)", count: ClusterTests.changesEach)
            try writer.start(port: cluster.hubs[number % 3].port, key: keys[number % ClusterTests.users])
            return writer
        }
        let total = ClusterTests.writers * ClusterTests.changesEach / ClusterTests.users
        func reached(_ share: Double) -> Bool {
            wait(until: deadline) { Double(subscribers[0].heardCount) >= share * Double(total) }
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
        let written = writers.flatMap { trouble(of: $0, until: deadline) }
        expectNone(written, cluster)
        let kept = try server.execute("SELECT count(*) FROM versions")
        #expect(kept == [["\(total * ClusterTests.users)"]], "What was acknowledged is not what is there.")
        expectNone(
            subscribers.enumerated().flatMap { trouble(of: $1, user: $0 % ClusterTests.users, until: deadline) },
            cluster)
        for subscriber in subscribers { subscriber.post(ClusterDevice.Stop()) }
        let left = subscribers.count { !$0.waitForEnd(seconds: 10) }
        #expect(left == 0)
    }

    private func trouble(of writer: ClusterWriter, until deadline: Date) -> [String] {
        guard writer.waitForEnd(seconds: max(deadline.timeIntervalSinceNow, 0.1)) else {
            return ["\(writer.name) is not done"]
        }
        let tally = writer.tally
        let isComplete = tally.isAllAccepted && tally.accepted + tally.duplicate == ClusterTests.changesEach
        return isComplete && writer.failure == nil
            ? [] : ["\(writer.name): \(tally) \(writer.failure?.sentence ?? "")"]
    }

    private func trouble(of subscriber: ClusterSubscriber, user: Int, until deadline: Date) -> [String] {
        let expected = Set(
            (0..<ClusterTests.writers).filter { $0 % ClusterTests.users == user }.flatMap { writer in
                (0..<ClusterTests.changesEach).map { ClusterWriter.id("w\(writer)", $0) }
            })
        _ = wait(until: deadline) { subscriber.heardCount >= expected.count }
        let finding = subscriber.finding
        let missing = expected.subtracting(finding.heard).sorted()
        let isSound =
            missing.isEmpty && finding.heard.count == expected.count && finding.twice == 0 && finding.outOfOrder == 0
            && finding.restarts == 0 && finding.fatal == nil
        guard !isSound else { return [] }
        return [
            """
            \(subscriber.name) on hub \((Int(subscriber.name.dropFirst()) ?? 0) % 3): heard \(finding.heard.count) of \
            \(expected.count), misses \(missing.prefix(3)), \(finding.twice) twice, \(finding.outOfOrder) out of \
            order, \(finding.restarts) restarts, \(finding.fatal ?? "no end")
            """
        ]
    }

    /// One short issue for all of them, with the hubs' last words.
    private func expectNone(_ troubles: [String], _ cluster: HubCluster) {
        guard !troubles.isEmpty else { return }
        let words = cluster.hubs.enumerated().map { number, hub in
            let lines = hub.program.errorText.split(separator: "\n").suffix(3).map { $0.prefix(200) }
            return "hub \(number) \(hub.program.process.isRunning ? "runs" : "has ended"): "
                + lines.joined(separator: " / ")
        }
        let few = troubles.prefix(4).joined(separator: "; ")
        Issue.record("\(troubles.count) of the devices: \(few)\n\(words.joined(separator: "\n"))")
    }

    private func wait(until deadline: Date, for condition: () -> Bool) -> Bool {
        while Date() < deadline {
            if condition() { return true }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return condition()
    }
}
