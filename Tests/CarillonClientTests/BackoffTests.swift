import CarillonClient
import Testing

@Suite("Backoff")
struct BackoffTests {
    /// Always the end of the range, or always its beginning.
    struct Fixed: RandomNumberGenerator {
        var value: UInt64
        mutating func next() -> UInt64 { value }
    }

    @Test("waits at most 0.5 s, then twice as long each time, up to 30 s")
    func doubles() {
        var backoff = Backoff()
        var random = Fixed(value: .max)
        let waits = (0..<9).map { _ in backoff.next(using: &random) }
        for (wait, end) in zip(waits, [0.5, 1, 2, 4, 8, 16, 30, 30, 30]) {
            #expect(wait <= end && wait > end * 0.99)
        }
    }

    @Test("spreads the whole way down to nothing, on top of what the hub asks for")
    func spreads() {
        var backoff = Backoff()
        var random = Fixed(value: 0)
        #expect(backoff.next(using: &random) == 0)
        #expect(backoff.next(askedSeconds: 2.5, using: &random) == 2.5)
    }

    @Test("begins anew after a session that stood")
    func resets() {
        var backoff = Backoff()
        var random = Fixed(value: .max)
        for _ in 0..<5 { _ = backoff.next(using: &random) }
        backoff.reset()
        #expect(backoff.next(using: &random) <= 0.5)
    }
}
