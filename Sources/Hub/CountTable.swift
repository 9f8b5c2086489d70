internal import Reactor

/// How many of something each key holds now. Bounded by what is counted: a key that holds none is not in it.
final class CountTable<Key: Hashable & Sendable>: Sendable {
    private let perKeyMax: Int
    private let counts = Guarded<[Key: Int]>([:])

    init(perKeyMax: Int) {
        self.perKeyMax = perKeyMax
    }

    /// Whether `key` may hold one more. Each true is given back once.
    func take(_ key: Key) -> Bool {
        counts.withLock { counts in
            let count = counts[key, default: 0]
            guard count < perKeyMax else { return false }
            counts[key] = count + 1
            return true
        }
    }

    func giveBack(_ key: Key) {
        counts.withLock { counts in
            let count = counts[key, default: 0] - 1
            counts[key] = count > 0 ? count : nil
        }
    }

    func count(of key: Key) -> Int { counts.withLock { $0[key, default: 0] } }
}
