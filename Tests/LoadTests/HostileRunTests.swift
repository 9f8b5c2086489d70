import Causality
import Hub
import Logging
import Reactor
import Storage
import Testing

@testable import Load

@Suite("Hostile run", .serialized, .timeLimit(.minutes(5)))
struct HostileRunTests {
    @Test("every kind of attack runs, and the devices beside it lose nothing")
    func attacked() throws {
        let store = MemoryStore(generation: Generation(7))
        let accounts = Accounts(store: store)
        var keys: [String] = []
        for name in ["ada", "bea"] as [Identifier] {
            _ = try accounts.addUser(name)
            keys.append(try accounts.createKey(user: name, label: "").text)
        }
        var log = Logger(label: "test")
        log.logLevel = .critical
        let hub = try Hub.start(
            store: store, configuration: HubConfiguration(address: .ipv4(port: 0), shardCount: 2), log: log)
        defer { hub.stop() }
        var load = LoadPlan(address: hub.address, keys: keys)
        load.pushesPerSecond = 100
        load.recordsPerPublisher = 10
        load.warmupSeconds = 0.2
        load.measuredSeconds = 3
        var plan = HostilePlan(load)
        plan.peers = HostileKind.allCases.count * 2
        plan.calmSeconds = 0.5
        // The hub, its attackers and other tests are one process here: times and memory would be theirs.
        plan.watchesHub = false
        plan.p99Factor = 1_000
        let report = try HostileRun(plan).run()
        #expect(report.isClean, "\(report.text)")
        #expect(report.phases.map(\.name) == ["before", "attack", "after"])
        for kind in HostileKind.allCases {
            #expect((report.attacks[kind.rawValue]?.connections ?? 0) > 0, "\(kind)\n\(report.text)")
        }
    }

    @Test("an attack goes to no other machine")
    func loopbackOnly() throws {
        let plan = HostilePlan(LoadPlan(address: try SocketAddress.parse("192.0.2.1", port: 80), keys: ["k"]))
        #expect(throws: LoadRun.Failure.self) { try HostileRun(plan).run() }
        #expect(HostilePlan.isAllowed(.ipv4(port: 1)) && HostilePlan.isAllowed(.ipv6Loopback(port: 1)))
    }

    /// A report whose memory goes from one size to another, of quiet phases otherwise.
    private func report(from first: Int, to last: Int) -> HostileReport {
        var report = HostileReport()
        report.samples = (0..<64).map { index in
            .init(second: Double(index), residentBytes: first + (last - first) * index / 63, descriptors: 9)
        }
        return report
    }

    @Test("memory that grows, descriptors that stay and changes that are lost are told")
    func verdicts() throws {
        var flat = report(from: 200 << 20, to: 215 << 20)
        (flat.descriptorsBefore, flat.descriptorsAfter) = (20, 22)
        flat.judge(p99Factor: 3)
        #expect(flat.isClean, "\(flat.verdicts)")
        var growing = report(from: 100 << 20, to: 200 << 20)
        growing.judge(p99Factor: 3)
        #expect(growing.verdicts.count == 1 && growing.verdicts[0].contains("grew"))
        var held = HostileReport()
        (held.descriptorsBefore, held.descriptorsAfter) = (20, 80)
        held.judge(p99Factor: 3)
        #expect(held.verdicts.count == 1)
        var faults = LoadReport()
        faults.faults.lost = 1
        faults.deliveries = 5
        var losing = HostileReport()
        losing.phases = [.init("attack", faults)]
        losing.judge(p99Factor: 3)
        #expect(losing.verdicts.count == 1 && losing.verdicts[0].contains("1 lost"))
    }
}
