internal import Glibc

/// Clocks of a measurement.
enum BenchClock {
    /// Nanoseconds.
    static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static var wall: UInt64 { read(CLOCK_MONOTONIC) }
    /// Of all threads of this process: a store has some of its own.
    static var cpu: UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }
}

/// How much is measured.
public struct BenchPlan: Sendable {
    /// Timed samples of each benchmark.
    public var samples = 15
    /// A sample takes at least as long: short enough that most samples see no other process, long enough for the clock.
    public var sampleSeconds = 0.03
    /// Seconds of work before the first sample, for caches, clock rates and pools.
    public var warmupSeconds = 0.15
    /// Samples are CPU time of the whole process and not wall time: for a machine that others work on too. What waits
    /// for a disk costs no CPU time, and looks fast by it.
    public var byCPUTime = false
    /// Only benchmarks whose name holds one of these; empty: all.
    public var filters: [String] = []

    public init() {}

    public func includes(_ name: String) -> Bool { filters.isEmpty || filters.contains { name.contains($0) } }
}

extension Benchmark {
    /// Measures. CPU time is told beside the samples.
    public func run(_ plan: BenchPlan) throws -> BenchResult {
        let work = try prepare()
        var consumed = 0
        // How many operations make a sample; the doubling is a part of the warm-up.
        var operations = 1
        let begun = BenchClock.wall
        var taken = 0.0
        repeat {
            let start = BenchClock.wall
            consumed ^= try work(operations)
            taken = Double(BenchClock.wall - start) / 1e9
            if taken < plan.sampleSeconds {
                let wanted = Double(operations) * plan.sampleSeconds / max(taken, 1e-7)
                operations = min(max(operations + 1, Int(wanted * 1.05)), operations * 16)
            }
        } while taken < plan.sampleSeconds || Double(BenchClock.wall - begun) / 1e9 < plan.warmupSeconds

        var nanoseconds: [Double] = []
        let cpuStart = BenchClock.cpu
        for _ in 0..<plan.samples {
            let start = plan.byCPUTime ? BenchClock.cpu : BenchClock.wall
            consumed ^= try work(operations)
            let end = plan.byCPUTime ? BenchClock.cpu : BenchClock.wall
            nanoseconds.append(Double(end - start) / Double(operations))
        }
        let cpu = Double(BenchClock.cpu - cpuStart) / Double(operations * max(1, plan.samples))
        return BenchResult(
            name: name, unit: unit, samples: nanoseconds.map(value(nanoseconds:)),
            cpuNanoseconds: cpu, operations: operations, consumed: consumed)
    }
}
