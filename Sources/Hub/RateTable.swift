internal import Reactor

/// One bucket for each key.
final class RateTable<Key: Hashable & Sendable>: Sendable {
    let rate: TokenBucket.Rate
    private let buckets: Guarded<RecentTable<Key, TokenBucket>>

    /// - Parameter countMax: keys that are remembered. One that is forgotten begins with a full bucket.
    init(_ rate: TokenBucket.Rate, countMax: Int) {
        self.rate = rate
        buckets = Guarded(RecentTable(countMax: countMax))
    }

    /// Nil where one more may be, else the milliseconds until then.
    func take(_ key: Key, now: UInt64 = WallClock.uptime) -> Int? {
        guard !rate.isOff else { return nil }
        return use(key, now) { $0.take(rate, now: now) }
    }

    /// As ``TokenBucket/spend(_:_:now:)``.
    func spend(_ count: Int, of key: Key, now: UInt64 = WallClock.uptime) -> Int {
        guard !rate.isOff else { return 0 }
        return use(key, now) { $0.spend(count, rate, now: now) }
    }

    private func use<Answer>(_ key: Key, _ now: UInt64, _ body: (inout TokenBucket) -> Answer) -> Answer {
        buckets.withLock { buckets in
            var bucket = buckets[key] ?? TokenBucket(rate, now: now)
            defer { buckets.set(key, bucket) }
            return body(&bucket)
        }
    }
}
