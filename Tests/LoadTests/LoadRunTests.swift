import Causality
import Hub
import Logging
import Reactor
import Storage
import Testing

@testable import Load

/// Runs against a hub in this process, and against servers that do wrong.
@Suite("Load run", .serialized, .timeLimit(.minutes(5)))
struct LoadRunTests {
    /// A hub with users; stopped by the test.
    private func hub(users: Int) throws -> (hub: Hub, plan: LoadPlan) {
        let store = MemoryStore(generation: Generation(7))
        let accounts = Accounts(store: store)
        var keys: [String] = []
        for number in 0..<users {
            let name = Identifier(unchecked: "user-\(number)")
            _ = try accounts.addUser(name)
            keys.append(try accounts.createKey(user: name, label: "").text)
        }
        var log = Logger(label: "test")
        log.logLevel = .critical
        let hub = try Hub.start(
            store: store, configuration: HubConfiguration(address: .ipv4(port: 0), shardCount: 2), log: log)
        var plan = LoadPlan(address: hub.address, keys: keys)
        plan.drainSeconds = 3
        return (hub, plan)
    }

    @Test("a counted load is answered and delivered whole, one or many changes a push, new records or updates")
    func counted() throws {
        for (batch, records, window, threads) in [(1, 0, 1, 1), (7, 0, 8, 2), (3, 5, 4, 1)] {
            var (hub, plan) = try hub(users: 2)
            defer { hub.stop() }
            plan.devicesPerUser = 3
            plan.publishersPerUser = 2
            plan.changesPerPush = batch
            plan.recordsPerPublisher = records
            plan.window = window
            plan.threads = threads
            plan.pushCount = 41
            let report = try LoadRun(plan).run()
            #expect(report.isClean, "\(report.text)")
            #expect(report.pushes == 41)
            #expect(report.changes == 41 * batch)
            // Two versions of a record in one commit are one entry of the log.
            #expect(report.deliveries + report.superseded == 41 * batch * 2)
            #expect(records > 0 || report.superseded == 0)
            #expect(report.connecting.connected == 6)
            #expect(report.pushToCommit?.count == 41)
            #expect(report.hub?.pid != nil)
        }
    }

    @Test("an open loop keeps its rate, and what leaves and comes back misses nothing")
    func churn() throws {
        var (hub, plan) = try hub(users: 3)
        defer { hub.stop() }
        plan.publishersPerUser = 2
        plan.pushesPerSecond = 300
        plan.churnPerSecond = 60
        plan.warmupSeconds = 0.2
        plan.measuredSeconds = 1.5
        let report = try LoadRun(plan).run()
        #expect(report.isClean, "\(report.text)")
        #expect(report.connecting.churned > 20)
        #expect(report.connecting.againMilliseconds != nil)
        // The hub shares two cores with other tests; a stall of a quarter is let pass, a loop that pushes at will is not.
        #expect((225.0...330.0).contains(report.pushesPerSecond))
    }

    @Test("slow readers get everything in the end")
    func slow() throws {
        var (hub, plan) = try hub(users: 1)
        defer { hub.stop() }
        plan.bodyBytes = 4_000
        plan.slowReaders = 2
        plan.window = 16
        plan.pushCount = 1_500
        let report = try LoadRun(plan).run()
        #expect(report.isClean, "\(report.text)")
        #expect(report.faults.lost == 0)
    }

    @Test("idle connections are counted, and a wrong key is said")
    func idleAndRefused() throws {
        var (hub, plan) = try hub(users: 1)
        defer { hub.stop() }
        plan.devicesPerUser = 20
        plan.isIdle = true
        plan.measuredSeconds = 0.2
        plan.connectsPerSecond = 500
        let report = try LoadRun(plan).run()
        #expect(report.isClean, "\(report.text)")
        #expect(report.connecting.connected == 20)
        plan.keys = ["car_none"]
        #expect(throws: LoadRun.Failure.self) { try LoadRun(plan).run() }
    }

    @Test("a bare broadcast is measured by its copies")
    func raw() throws {
        let server = try FaultyBroadcast(fault: .none)
        defer { server.stop() }
        let report = try LoadRun(server.plan).run()
        #expect(report.isClean, "\(report.text)")
        #expect(report.pushes == 60)
        #expect(report.deliveries == 180)
    }

    @Test(
        "what a server drops, doubles or reorders is found", arguments: [FaultyBroadcast.Fault.drops, .doubles, .swaps])
    func faults(fault: FaultyBroadcast.Fault) throws {
        let server = try FaultyBroadcast(fault: fault)
        defer { server.stop() }
        var plan = server.plan
        // A closed loop would wait for ever for a copy that was dropped.
        plan.pushCount = nil
        plan.pushesPerSecond = 200
        plan.warmupSeconds = 0
        plan.measuredSeconds = 0.5
        plan.drainSeconds = 0.5
        let report = try LoadRun(plan).run()
        #expect(!report.isClean)
        switch fault {
        case .none, .swallows: break
        case .drops: #expect(report.faults.lost > 0 && report.faults.duplicate == 0)
        case .doubles: #expect(report.faults.duplicate > 0 && report.faults.lost == 0)
        case .swaps: #expect(report.faults.outOfOrder > 0 && report.faults.duplicate == 0)
        }
    }

    @Test("a closed loop that waits in vain says why: what was lost, and what was never answered")
    func stuck() throws {
        for (fault, faults) in [
            (FaultyBroadcast.Fault.drops, (lost: 3, unanswered: 0)), (.swallows, (lost: 0, unanswered: 2)),
        ] {
            let server = try FaultyBroadcast(fault: fault)
            defer { server.stop() }
            var plan = server.plan
            plan.pushCount = nil
            plan.changesPerPush = fault == .swallows ? 2 : 1
            plan.warmupSeconds = 0
            plan.measuredSeconds = 0.5
            plan.drainSeconds = 0.3
            let report = try LoadRun(plan).run()
            #expect(!report.isClean)
            #expect(
                report.faults.lost == faults.lost && report.faults.unanswered == faults.unanswered, "\(report.text)")
        }
    }
}
