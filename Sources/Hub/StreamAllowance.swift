internal import Causality
internal import Reactor

/// How many event streams, polls and exports each user holds, on all shards together.
final class StreamAllowance: Sendable {
    private let perUserMax: Int
    private let counts = Guarded<[Identifier: Int]>([:])

    init(perUserMax: Int) {
        self.perUserMax = perUserMax
    }

    /// Whether the user may hold one more. Each true is given back once, by ``giveBack(_:)``.
    func take(_ user: Identifier) -> Bool {
        counts.withLock { counts in
            let count = counts[user, default: 0]
            guard count < perUserMax else { return false }
            counts[user] = count + 1
            return true
        }
    }

    func giveBack(_ user: Identifier) {
        counts.withLock { counts in
            let count = counts[user, default: 0] - 1
            counts[user] = count > 0 ? count : nil
        }
    }
}
