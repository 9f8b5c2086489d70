/// How two clocks stand to each other in the partial order of causality (Fidge 1988, Mattern 1989).
public enum ClockOrder: Sendable, Equatable {
    case before
    case after
    case equal
    case concurrent
}

/// A vector clock: for each replica the number of its last edit that is known.
///
/// A replica that is not named counts as 0. Entries are kept sorted by the replica's bytes, so that comparing and
/// merging are one pass over both, and equal clocks are equal values.
public struct VectorClock: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public let replica: Identifier
        public let counter: Int64

        public init(replica: Identifier, counter: Int64) {
            self.replica = replica
            self.counter = counter
        }
    }

    /// Most replicas in one clock: a clock of a thousand entries is already larger than most records.
    public static let entriesMax = 1_000
    /// Largest counter: 2^53, the last integer that a double (and so every JSON reader) holds exactly.
    public static let counterMax: Int64 = 1 << 53

    public private(set) var entries: [Entry]

    public init() {
        entries = []
    }

    /// A clock from pairs in any order. Zero counters are left out; of one replica named twice, the larger counts.
    public init(_ pairs: some Sequence<Entry>) {
        var sorted = pairs.filter { $0.counter > 0 }
        sorted.sort { $0.replica < $1.replica }
        entries = []
        entries.reserveCapacity(sorted.count)
        for entry in sorted {
            if let last = entries.last, last.replica == entry.replica {
                entries[entries.count - 1] = Entry(replica: entry.replica, counter: max(last.counter, entry.counter))
            } else {
                entries.append(entry)
            }
        }
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// The counter of `replica`, 0 when it is not named.
    public subscript(replica: Identifier) -> Int64 {
        let index = index(of: replica)
        guard index < entries.count, entries[index].replica == replica else { return 0 }
        return entries[index].counter
    }

    /// Whether it has no more than ``entriesMax`` entries and no counter over ``counterMax``: whether it may be stored
    /// and sent. Merging and incrementing clocks that are may make one that is not.
    public var isWithinLimits: Bool {
        entries.count <= VectorClock.entriesMax && entries.allSatisfy { $0.counter <= VectorClock.counterMax }
    }

    /// The order of this clock relative to `other`.
    public func compare(_ other: VectorClock) -> ClockOrder {
        var isSomewhereLess = false
        var isSomewhereMore = false
        var left = 0
        var right = 0
        while left < entries.count || right < other.entries.count {
            if right == other.entries.count {
                isSomewhereMore = true
                break
            }
            if left == entries.count {
                isSomewhereLess = true
                break
            }
            let mine = entries[left]
            let theirs = other.entries[right]
            if mine.replica == theirs.replica {
                if mine.counter < theirs.counter { isSomewhereLess = true }
                if mine.counter > theirs.counter { isSomewhereMore = true }
                left += 1
                right += 1
            } else if mine.replica < theirs.replica {
                isSomewhereMore = true
                left += 1
            } else {
                isSomewhereLess = true
                right += 1
            }
            if isSomewhereLess && isSomewhereMore { return .concurrent }
        }
        switch (isSomewhereLess, isSomewhereMore) {
        case (false, false): return .equal
        case (true, false): return .before
        case (false, true): return .after
        case (true, true): return .concurrent
        }
    }

    /// Whether this clock has seen everything that `other` has: after it, or equal.
    public func dominates(_ other: VectorClock) -> Bool {
        switch compare(other) {
        case .after, .equal: true
        case .before, .concurrent: false
        }
    }

    /// The least clock that dominates both: the larger counter of each replica.
    public func merged(with other: VectorClock) -> VectorClock {
        if other.entries.isEmpty { return self }
        if entries.isEmpty { return other }
        var both = VectorClock()
        both.entries.reserveCapacity(max(entries.count, other.entries.count))
        var left = 0
        var right = 0
        while left < entries.count, right < other.entries.count {
            let mine = entries[left]
            let theirs = other.entries[right]
            if mine.replica == theirs.replica {
                both.entries.append(mine.counter < theirs.counter ? theirs : mine)
                left += 1
                right += 1
            } else if mine.replica < theirs.replica {
                both.entries.append(mine)
                left += 1
            } else {
                both.entries.append(theirs)
                right += 1
            }
        }
        both.entries.append(contentsOf: entries[left...])
        both.entries.append(contentsOf: other.entries[right...])
        return both
    }

    /// This clock with one more edit of `replica`.
    public func incremented(_ replica: Identifier) -> VectorClock {
        var raised = self
        let index = index(of: replica)
        if index < entries.count, entries[index].replica == replica {
            // A counter read from a damaged store must not trap; over the limit it is anyway.
            let counter = min(entries[index].counter, .max - 1) + 1
            raised.entries[index] = Entry(replica: replica, counter: counter)
        } else {
            raised.entries.insert(Entry(replica: replica, counter: 1), at: index)
        }
        return raised
    }

    /// Where `replica` stands, or would.
    private func index(of replica: Identifier) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].replica < replica { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension VectorClock: CustomStringConvertible {
    public var description: String {
        "{" + entries.map { "\($0.replica): \($0.counter)" }.joined(separator: ", ") + "}"
    }
}
