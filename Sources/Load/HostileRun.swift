internal import Foundation
internal import Reactor

/// A load that is calm, attacked, and calm again, on one hub. Blocks the thread that calls it.
public struct HostileRun {
    public let plan: HostilePlan
    /// Once a second: a line about how it goes.
    public var progress: (String) -> Void = { _ in }
    /// Asked often: whether to end early.
    public var isStopped: @Sendable () -> Bool = { false }

    public init(_ plan: HostilePlan) { self.plan = plan }

    public func run() throws -> HostileReport {
        guard HostilePlan.isAllowed(plan.load.address) else {
            throw LoadRun.Failure(
                sentence: "\(plan.load.address) is not this machine, and an attack goes nowhere else",
                remedy: "Start the hub here, or let --spawn do it.")
        }
        var report = HostileReport()
        report.peers = min(plan.peers, HostileLimits.peersMax)
        let probe =
            plan.watchesHub
            ? plan.load.hubPID.map { ProcessProbe(pid: $0) } ?? ProcessProbe.listening(on: plan.load.address.port)
            : nil
        report.phases.append(.init("before", try load(plan.calmSeconds, "before")))
        report.descriptorsBefore = probe?.descriptorCount

        let field = HostileField()
        field.start(plan)
        let sampler = probe.map { HostileSampler($0, seconds: plan.load.measuredSeconds) }
        let attacked = Result { try load(plan.load.measuredSeconds, "attack") }
        report.samples = sampler?.stop() ?? []
        for (kind, tally) in field.stop() { report.attacks[kind.rawValue] = tally }
        do {
            report.phases.append(.init("attack", try attacked.get()))
            report.phases.append(.init("after", try load(plan.calmSeconds, "after")))
        } catch let failure as LoadRun.Failure {
            // Nobody could connect: the hub is gone, or serves its attackers only. That is a finding and no failure.
            report.judge(p99Factor: plan.p99Factor)
            report.verdicts.append(failure.sentence)
            return report
        }
        report.descriptorsAfter = settledDescriptors(probe, wanted: report.descriptorsBefore)
        if plan.watchesHub, probe != nil, report.descriptorsAfter == nil { report.verdicts.append("the hub is gone") }
        let gone = report.verdicts
        report.judge(p99Factor: plan.p99Factor)
        report.verdicts += gone
        return report
    }

    private func load(_ seconds: Double, _ name: String) throws -> LoadReport {
        var load = plan.load
        load.measuredSeconds = seconds
        load.pushCount = nil
        var run = LoadRun(load)
        run.progress = { progress("\(name)  \($0)") }
        run.isStopped = isStopped
        return try run.run()
    }

    /// The hub closes what was left when its time-outs say so.
    private func settledDescriptors(_ probe: ProcessProbe?, wanted: Int?) -> Int? {
        guard let probe, let wanted else { return probe?.descriptorCount }
        let end = Monotonic.now + UInt64(HostileLimits.descriptorSeconds * 1e9)
        while let count = probe.descriptorCount {
            if count <= wanted + HostileLimits.descriptorSlack || Monotonic.now > end || isStopped() { return count }
            progress("after  the hub holds \(count) descriptors, \(wanted) before")
            Thread.sleep(forTimeInterval: 0.5)
        }
        return nil
    }
}

/// Looks at a process again and again, on a thread of its own.
private final class HostileSampler {
    private let stopped = Guarded(false)
    private let samples = Guarded<[HostileReport.Sample]>([])
    private let thread: Thread

    init(_ probe: ProcessProbe, seconds: Double) {
        let (stopped, samples) = (stopped, samples)
        let step = max(0.1, min(1, seconds / 64))
        thread = Thread {
            let start = Monotonic.now
            while !stopped.withLock({ $0 }), samples.withLock({ $0.count }) < HostileLimits.samplesMax {
                if let bytes = probe.residentBytes {
                    let sample = HostileReport.Sample(
                        second: (Double(Monotonic.now - start) / 1e9).rounded(toPlaces: 2), residentBytes: bytes,
                        descriptors: probe.descriptorCount ?? 0)
                    samples.withLock { $0.append(sample) }
                }
                Thread.sleep(forTimeInterval: step)
            }
        }
        thread.start()
    }

    func stop() -> [HostileReport.Sample] {
        stopped.withLock { $0 = true }
        while !thread.isFinished { Thread.sleep(forTimeInterval: 0.02) }
        return samples.withLock { $0 }
    }
}
