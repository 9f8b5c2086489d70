/// Durations in buckets of fixed bounds: a scrape reads how many took at most so long.
///
/// Belongs to one thread or one lock. Its one array is made with it and changed in place.
struct LatencyHistogram: Sendable, Equatable {
    /// Upper bounds in nanoseconds, and as Prometheus is told them, in seconds. From a commit in memory to a store that
    /// was away for as long as a push waits; four to five a decade, so that a p99 is known to within a factor of two.
    static let bounds: [(nanoseconds: UInt64, seconds: String)] = [
        (50_000, "0.00005"), (100_000, "0.0001"), (250_000, "0.00025"), (500_000, "0.0005"), (1_000_000, "0.001"),
        (2_500_000, "0.0025"), (5_000_000, "0.005"), (10_000_000, "0.01"), (25_000_000, "0.025"),
        (50_000_000, "0.05"), (100_000_000, "0.1"), (250_000_000, "0.25"), (500_000_000, "0.5"), (1_000_000_000, "1"),
        (2_500_000_000, "2.5"), (5_000_000_000, "5"), (10_000_000_000, "10"),
    ]
    private static let nanoseconds: [UInt64] = bounds.map(\.nanoseconds)

    /// By bucket, not cumulative; the last is past all bounds.
    private(set) var counts = [Int](repeating: 0, count: LatencyHistogram.bounds.count + 1)
    private(set) var sumNanoseconds: UInt64 = 0

    var count: Int { counts.reduce(0, +) }

    /// Counts `weight` things that each took so long.
    mutating func observe(_ nanoseconds: UInt64, weight: Int = 1) {
        var bucket = 0
        let bounds = LatencyHistogram.nanoseconds
        while bucket < bounds.count, nanoseconds > bounds[bucket] { bucket += 1 }
        counts[bucket] &+= weight
        sumNanoseconds &+= nanoseconds &* UInt64(clamping: weight)
    }

    mutating func add(_ other: LatencyHistogram) {
        for bucket in counts.indices { counts[bucket] &+= other.counts[bucket] }
        sumNanoseconds &+= other.sumNanoseconds
    }
}
