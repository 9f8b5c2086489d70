internal import Reactor

/// How many requests of dialects are with their routes or wait for them: each holds its body, and its place in a queue.
final class DialectLoad: Sendable {
    private let max: (ordinary: Int, bulk: Int)
    private let count = Guarded((ordinary: 0, bulk: 0))

    init(ordinaryMax: Int, bulkMax: Int) {
        max = (ordinaryMax, bulkMax)
    }

    /// Whether there is room for one more. Each true is given back once.
    func take(isBulk: Bool) -> Bool {
        count.withLock { count in
            guard isBulk ? count.bulk < max.bulk : count.ordinary < max.ordinary else { return false }
            if isBulk { count.bulk += 1 } else { count.ordinary += 1 }
            return true
        }
    }

    func giveBack(isBulk: Bool) {
        count.withLock { if isBulk { $0.bulk -= 1 } else { $0.ordinary -= 1 } }
    }
}
