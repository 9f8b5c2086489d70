internal import Foundation
internal import Histogram
internal import Reactor

/// A run from the first connection to the report. Blocks the thread that calls it.
public struct LoadRun {
    public let plan: LoadPlan
    /// Once a second: a line about how it goes.
    public var progress: (String) -> Void = { _ in }
    /// Asked often: whether to end early.
    public var isStopped: @Sendable () -> Bool = { false }

    private static let connectSecondsMax = 120.0
    private static let stepSeconds = 0.05
    private static let stepsMax = 600
    private static let connectionsForMemory = 100
    /// A counted run without a single answer for as long is over.
    private static let stallSeconds = 15.0

    public init(_ plan: LoadPlan) { self.plan = plan }

    /// Why a run could not begin.
    public struct Failure: Error, Sendable {
        public let sentence: String
        public let remedy: String
    }

    public func run() throws -> LoadReport {
        let descriptors = DescriptorLimit.raise(to: DescriptorLimit.needed(by: plan))
        guard descriptors >= DescriptorLimit.needed(by: plan) else {
            throw Failure(
                sentence: "\(plan.deviceCount) connections need as many descriptors, and the limit is \(descriptors)",
                remedy: "Raise the hard limit (ulimit -Hn), or ask for fewer.")
        }
        var report = LoadReport()
        report.setting = setting
        let probe = plan.hubPID.map { ProcessProbe(pid: $0) } ?? ProcessProbe.listening(on: plan.address.port)
        let bytesBefore = plan.hubBytesBefore ?? probe?.residentBytes
        let loops = try start()
        defer { for loop in loops { loop.address.stop() } }

        let connectedAt = Monotonic.now
        for loop in loops { loop.address.post(.connect) }
        connect(loops)
        report.connecting.seconds = seconds(since: connectedAt)
        guard sum(loops).live > 0 else {
            throw Failure(
                sentence: "nobody could connect to \(plan.address): \(trouble(loops) ?? "no answer")",
                remedy: "Is it a hub, and are the keys its users'? See its log.")
        }
        let settled = probe?.residentBytes

        if plan.isIdle { hold(loops, probe, &report) } else { load(loops, probe, &report) }

        if let probe, var hub = report.hub {
            let bytes = plan.isIdle ? probe.residentBytes : settled
            hub.residentBytes = probe.residentBytes ?? 0
            // Of a few connections it would be the hub's buffers and caches, and not theirs.
            if let bytes, let bytesBefore, sum(loops).live >= Self.connectionsForMemory {
                hub.residentBytesPerConnection = Double(bytes - bytesBefore) / Double(max(1, sum(loops).live))
            }
            report.hub = hub
        }
        for loop in loops { loop.address.post(.finish) }
        for loop in loops { loop.address.join() }
        conclude(loops, &report)
        return report
    }

    // MARK: Loops

    private struct Running {
        let address: LoopAddress<LoadLoop.Mail>
        let outcome: Guarded<LoadLoop.Outcome>
    }

    private func start() throws -> [Running] {
        let count = max(1, min(plan.threads, plan.users))
        let run = UInt32.random(in: 1...UInt32.max)
        let epoch = Monotonic.now
        var configuration = LoopConfiguration()
        configuration.outboxBytesMax = 128 << 20
        return try (0..<count).map { number in
            let outcome = Guarded(LoadLoop.Outcome())
            let share = LoadLoop.Share(
                number: number, count: count, run: run, epoch: epoch, plan: plan, outcome: outcome)
            let address = try EventLoop<LoadLoop>.start(
                name: "load-\(number)", configuration: configuration, makeHandler: { LoadLoop($0, share) })
            return Running(address: address, outcome: outcome)
        }
    }

    private func sum(_ loops: [Running]) -> LoadTally.Counts {
        loops.reduce(into: LoadTally.Counts()) { sum, loop in sum.add(loop.outcome.withLock { $0.counts }) }
    }

    private func trouble(_ loops: [Running]) -> String? {
        loops.lazy.map { $0.outcome.withLock { $0.trouble } }.first { !$0.isEmpty }
    }

    // MARK: Phases

    private func connect(_ loops: [Running]) {
        let start = Monotonic.now
        var said = 0.0
        while !isStopped() {
            Thread.sleep(forTimeInterval: 0.01)
            let counts = sum(loops)
            let passed = seconds(since: start)
            if passed - said >= 1 {
                said = passed
                progress("connecting  \(counts.live) of \(plan.deviceCount) live, \(counts.failed) failed")
            }
            if counts.live + counts.failed >= plan.deviceCount || passed > Self.connectSecondsMax { return }
        }
    }

    private func hold(_ loops: [Running], _ probe: ProcessProbe?, _ report: inout LoadReport) {
        let before = probe?.cpuTime
        let ownBefore = Self.ownCPUSeconds
        let start = Monotonic.now
        var said = 0.0
        while !isStopped(), seconds(since: start) < plan.measuredSeconds {
            Thread.sleep(forTimeInterval: 0.05)
            let passed = seconds(since: start)
            guard passed - said >= 1 else { continue }
            said = passed
            progress("idle  \(sum(loops).live) connections held")
        }
        report.seconds = seconds(since: start)
        report.hub = probe.flatMap { hub($0, before, $0.cpuTime) }
        report.loadCPUSeconds = (Self.ownCPUSeconds - ownBefore).rounded(toPlaces: 2)
    }

    private func load(_ loops: [Running], _ probe: ProcessProbe?, _ report: inout LoadReport) {
        // A moment ahead, so that all loops begin together.
        let start = Monotonic.now + 20_000_000
        let warmup = plan.pushCount == nil ? plan.warmupSeconds : 0
        let from = start + UInt64(warmup * 1e9)
        let to = plan.pushCount == nil ? from + UInt64(plan.measuredSeconds * 1e9) : UInt64.max
        let schedule = plan.pushesPerSecond.map {
            PushSchedule(start: start, pushesPerSecond: $0, rampSeconds: plan.rampSeconds)
        }
        for loop in loops {
            loop.address.post(.begin(start: start, schedule: schedule, measureFrom: from, measureTo: to))
        }
        if plan.pushCount == nil { watch(loops, until: from, &report, zero: from) }
        let before = probe?.cpuTime
        let ownBefore = Self.ownCPUSeconds
        let measuredFrom = max(Monotonic.now, from)
        watch(loops, until: to, &report, zero: from)
        var after = probe?.cpuTime
        // Of the same seconds as the hub's, or the two could not be compared.
        report.loadCPUSeconds = (Self.ownCPUSeconds - ownBefore).rounded(toPlaces: 2)
        report.seconds = seconds(since: measuredFrom)
        // A counted run is measured to its last delivery, which is still to come.
        let measureTo = plan.pushCount == nil ? Monotonic.now : UInt64.max
        for loop in loops { loop.address.post(.stopSending(measureTo: measureTo)) }
        drain(loops)
        if plan.pushCount != nil {
            // All of it counts, to the last delivery; and what the hub did for it.
            after = probe?.cpuTime
            report.loadCPUSeconds = (Self.ownCPUSeconds - ownBefore).rounded(toPlaces: 2)
            let end = loops.reduce(measuredFrom + 1) { end, loop in max(end, loop.outcome.withLock { $0.lastArrival }) }
            report.seconds = Double(end - measuredFrom) / 1e9
        }
        report.hub = probe.flatMap { hub($0, before, after) }
    }

    /// Sleeps until a time, or until a counted load is done, and notes the course.
    private func watch(_ loops: [Running], until end: UInt64, _ report: inout LoadReport, zero: UInt64) {
        var last = sum(loops)
        var lastAt = Monotonic.now
        let total = end == .max ? plan.measuredSeconds : Double(end - min(end, lastAt)) / 1e9
        let step = max(0.25, min(1, total / 40))
        var (answered, movedAt) = (last.pushesAnswered, lastAt)
        while Monotonic.now < end, !isStopped() {
            let left = end == .max ? Self.stepSeconds : Double(end - min(end, Monotonic.now)) / 1e9
            Thread.sleep(forTimeInterval: min(plan.pushCount == nil ? Self.stepSeconds : 0.005, left))
            let now = Monotonic.now
            let counts = sum(loops)
            let passed = Double(now - lastAt) / 1e9
            if passed >= step, report.course.count < Self.stepsMax {
                let changes = Double(counts.changesAccepted - last.changesAccepted) / passed
                let deliveries = Double(counts.deliveries - last.deliveries) / passed
                report.course.append(
                    LoadReport.Step(
                        second: ((Double(now) - Double(zero)) / 1e9).rounded(toPlaces: 2),
                        changesPerSecond: changes.rounded(), deliveriesPerSecond: deliveries.rounded()))
                progress(
                    "\(LoadReport.decimal((Double(now) - Double(zero)) / 1e9, 1)) s  \(LoadReport.grouped(changes)) changes/s  "
                        + "\(LoadReport.grouped(deliveries)) deliveries/s  \(counts.pushesInFlight) in flight"
                        + (counts.live < plan.deviceCount ? "  \(counts.live) live" : ""))
                (last, lastAt) = (counts, now)
            }
            if let count = plan.pushCount, counts.pushesAnswered >= count { return }
            if counts.pushesAnswered != answered { (answered, movedAt) = (counts.pushesAnswered, now) }
            // A hub that is gone answers no more; a time ends by itself, a count does not.
            let isStalled = plan.pushCount != nil && seconds(since: movedAt) > Self.stallSeconds
            if isStalled || counts.failed >= plan.deviceCount { return }
        }
    }

    /// Waits until everything has come, or nothing comes any more.
    private func drain(_ loops: [Running]) {
        // A snapshot from before `stopSending` arrived may look settled.
        Thread.sleep(forTimeInterval: Double(LoadLimits.snapshotMilliseconds) * 2.5 / 1_000)
        var arrivals = -1
        var movedAt = Monotonic.now
        while !loops.allSatisfy({ $0.outcome.withLock { $0.isSettled } }) {
            let sum = loops.reduce(0) { sum, loop in sum + loop.outcome.withLock { $0.arrivals } }
            if sum != arrivals { (arrivals, movedAt) = (sum, Monotonic.now) }
            if seconds(since: movedAt) > plan.drainSeconds { return }
            Thread.sleep(forTimeInterval: 0.02)
        }
        // What would come twice comes right behind.
        Thread.sleep(forTimeInterval: 0.1)
    }

    // MARK: The report

    private var setting: LoadReport.Setting {
        var setting = LoadReport.Setting()
        setting.users = plan.users
        setting.devices = plan.devicesPerUser
        setting.publishers = plan.isIdle ? 0 : plan.publishersPerUser
        setting.changesPerPush = plan.changesPerPush
        setting.bodyBytes = plan.bodyBytes
        setting.records = plan.recordsPerPublisher
        setting.churnPerSecond = plan.churnPerSecond
        setting.slowReaders = plan.slowReaders
        setting.threads = max(1, min(plan.threads, plan.users))
        setting.warmupSeconds = plan.warmupSeconds
        if plan.isIdle {
            setting.mode = "idle"
        } else if let rate = plan.pushesPerSecond {
            setting.mode = "open loop at \(LoadReport.grouped(rate)) pushes/s"
            setting.pushesPerSecondWanted = rate
        } else {
            setting.mode = "closed loop, \(plan.window) in flight"
            setting.window = plan.window
        }
        if plan.isRaw { setting.mode += ", raw" }
        return setting
    }

    private func hub(
        _ probe: ProcessProbe, _ before: ProcessProbe.CPUTime?, _ after: ProcessProbe.CPUTime?
    ) -> LoadReport.Hub? {
        guard let before, let after else { return nil }
        var hub = LoadReport.Hub()
        hub.pid = probe.pid
        hub.userSeconds = (after.user - before.user).rounded(toPlaces: 2)
        hub.systemSeconds = (after.system - before.system).rounded(toPlaces: 2)
        return hub
    }

    private func conclude(_ loops: [Running], _ report: inout LoadReport) {
        var tally = LoadTally()
        for loop in loops {
            if let final = loop.outcome.withLock({ $0.final }) { tally.add(final) }
        }
        let counts = tally.counts
        report.connecting.connected = Int(tally.connect.totalCount)
        report.connecting.failed = counts.failed
        report.connecting.lostConnections = tally.disconnects
        report.connecting.churned = tally.churned
        report.connecting.milliseconds = LoadReport.Latency(tally.connect)
        report.connecting.againMilliseconds = LoadReport.Latency(tally.reconnect)
        report.pushes = counts.measuredPushes
        report.changes = counts.measuredChanges
        report.deliveries = counts.measuredDeliveries
        report.deliveryFrames = counts.measuredFrames
        let seconds = max(report.seconds, 1e-9)
        report.pushesPerSecond = (Double(report.pushes) / seconds).rounded(toPlaces: 1)
        report.changesPerSecond = (Double(report.changes) / seconds).rounded(toPlaces: 1)
        report.deliveriesPerSecond = (Double(report.deliveries) / seconds).rounded(toPlaces: 1)
        report.pushToCommit = LoadReport.Latency(tally.commit)
        report.pushToDelivery = LoadReport.Latency(tally.delivery)
        report.faults = tally.faults
        report.pushesResent = tally.pushesResent
        report.pushesOwed = tally.pushesOwed
        report.superseded = tally.superseded
        if !tally.trouble.isEmpty { report.trouble = tally.trouble }
        if var hub = report.hub {
            let cpu = hub.userSeconds + hub.systemSeconds
            if cpu > 0, report.deliveries > 0 {
                hub.deliveriesPerCPUSecond = (Double(report.deliveries) / cpu).rounded()
            }
            if cpu > 0, report.changes > 0 { hub.changesPerCPUSecond = (Double(report.changes) / cpu).rounded() }
            report.hub = hub
        }
    }

    // MARK: This process

    private func seconds(since time: UInt64) -> Double { Double(Monotonic.now - time) / 1e9 }

    private static var ownCPUSeconds: Double { ProcessProbe(pid: getpid()).cpuTime?.total ?? 0 }
}
