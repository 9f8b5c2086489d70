/// How long to wait before the next try: exponential, with full jitter, so that a herd of devices comes back spread
/// over time (Brooker, "Exponential Backoff and Jitter", AWS 2015).
public struct Backoff: Sendable {
    /// Upper end of the first wait, in seconds.
    public var first = 0.5
    /// Upper end of every wait, in seconds.
    public var most = 30.0
    private var tries = 0

    public init() {}

    /// A session stood: the next wait is a first one again.
    public mutating func reset() { tries = 0 }

    /// Seconds to wait: 0 to `first * 2^tries`, at most `most`, on top of what the hub asked for.
    public mutating func next(askedSeconds: Double = 0, using random: inout some RandomNumberGenerator) -> Double {
        var end = first
        for _ in 0..<tries where end < most { end *= 2 }
        tries += 1
        return askedSeconds + Double.random(in: 0...min(end, most), using: &random)
    }
}
