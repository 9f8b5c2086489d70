import CarillonClient
import Testing

@Suite("Backoff")
struct BackoffTests {
    /// SplitMix64 (Steele et al. 2014).
    struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    /// The waits of many devices that fail as often as `tries` says.
    private func waits(tries: Int, askedSeconds: Double = 0) -> [Double] {
        var random = Seeded(state: 1)
        return (0..<500).map { _ in
            var backoff = Backoff()
            for _ in 0..<tries { _ = backoff.next(using: &random) }
            return backoff.next(askedSeconds: askedSeconds, using: &random)
        }
    }

    @Test(
        "waits at most 0.5 s, then twice as long each time, up to 30 s, and spreads over all of it",
        arguments: zip([0, 1, 2, 3, 4, 5, 6, 7, 60], [0.5, 1, 2, 4, 8, 16, 30, 30, 30]))
    func doubles(tries: Int, end: Double) throws {
        let waits = waits(tries: tries)
        let (least, most) = (try #require(waits.min()), try #require(waits.max()))
        #expect(least >= 0 && least < end * 0.05)
        #expect(most <= end && most > end * 0.95)
    }

    @Test("adds its jitter to what the hub asks for")
    func asked() throws {
        let waits = waits(tries: 0, askedSeconds: 2.5)
        #expect(waits.allSatisfy { (2.5...3).contains($0) })
    }

    @Test("begins anew after a session that stood")
    func resets() {
        var backoff = Backoff()
        var random = Seeded(state: 2)
        for _ in 0..<5 { _ = backoff.next(using: &random) }
        backoff.reset()
        #expect(backoff.next(using: &random) <= 0.5)
    }
}
