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
        entries.first { $0.replica == replica }?.counter ?? 0
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
        VectorClock(entries + other.entries)
    }

    /// This clock with one more edit of `replica`.
    public func incremented(_ replica: Identifier) -> VectorClock {
        VectorClock(entries + [Entry(replica: replica, counter: self[replica] + 1)])
    }
}

extension VectorClock: CustomStringConvertible {
    public var description: String {
        "{" + entries.map { "\($0.replica): \($0.counter)" }.joined(separator: ", ") + "}"
    }
}
