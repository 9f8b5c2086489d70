/// So many a second, and some at once: a bucket that fills at a rate.
struct TokenBucket: Sendable {
    /// What it fills by in a second, and holds at most.
    struct Rate: Sendable, Equatable {
        let perSecond: Double
        let burst: Double

        /// - Parameter burstSeconds: of the rate, that may come at once.
        init(perSecond: Int, burstSeconds: Int = 2) {
            self.perSecond = Double(perSecond)
            burst = Double(perSecond) * Double(burstSeconds)
        }

        /// A rate of nothing is none.
        var isOff: Bool { perSecond <= 0 }
    }

    private var tokens: Double
    private var filledAt: UInt64

    init(_ rate: Rate, now: UInt64) {
        tokens = rate.burst
        filledAt = now
    }

    /// Takes one. Nil when there was one, else the milliseconds until there is.
    mutating func take(_ rate: Rate, now: UInt64) -> Int? {
        fill(rate, now)
        guard tokens < 1 else {
            tokens -= 1
            return nil
        }
        return TokenBucket.milliseconds((1 - tokens) / rate.perSecond)
    }

    /// Takes `count`, which may be more than there are: what was done cannot be refused. Returns the milliseconds until
    /// the debt is paid, 0 where there is none.
    mutating func spend(_ count: Int, _ rate: Rate, now: UInt64) -> Int {
        fill(rate, now)
        tokens -= Double(count)
        return tokens >= 0 ? 0 : TokenBucket.milliseconds(-tokens / rate.perSecond)
    }

    private mutating func fill(_ rate: Rate, _ now: UInt64) {
        guard now > filledAt else { return }
        tokens = min(rate.burst, tokens + Double(now - filledAt) / 1e9 * rate.perSecond)
        filledAt = now
    }

    /// An hour at most: no debt is worth more.
    private static func milliseconds(_ seconds: Double) -> Int { Int(min(seconds, 3_600) * 1_000) + 1 }
}
