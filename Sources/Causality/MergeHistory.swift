/// A version of a record that is kept because later ones may have to be merged against it.
public struct HistoryVersion: Sendable, Equatable {
    /// Unique within its record, rising in order of arrival.
    public let number: Int64
    /// Whole, without what it superseded.
    public let change: Change

    public init(number: Int64, change: Change) {
        self.number = number
        self.change = change
    }
}

/// The versions of one record under a merge policy, bounded.
///
/// No two have one clock: of an equivocation only the first is here.
public struct MergeHistory: Sendable, Equatable {
    /// Most versions of one record: with 16 left after a cut, a device may be 16 edits behind and still be merged.
    /// Also what keeps a set of versions one machine word.
    public static let versionsMax = 32
    /// Most bytes of their bodies and embeddings: what each push to the record reads and merges. The newest version is
    /// kept whatever its size.
    public static let bytesMax = 256 << 10

    public private(set) var versions: [HistoryVersion]
    /// The highest number that was given: that of a version that is dropped is not given again while a store may still
    /// hold it.
    private var lastNumber: Int64

    public init(_ versions: [HistoryVersion] = []) {
        self.versions = versions
        lastNumber = versions.map(\.number).max() ?? 0
    }

    var changes: [Change] { versions.map(\.change) }

    mutating func add(_ change: Change) {
        var kept = change
        kept.supersedes = []
        // A number from a damaged store must not trap.
        lastNumber = min(lastNumber, .max - 1) + 1
        versions.append(HistoryVersion(number: lastNumber, change: kept))
    }

    /// Forgets all but `change`: whatever comes concurrent to it has no ancestor here any more.
    mutating func collapse(to change: Change) {
        let old = versions
        versions = []
        if let same = old.first(where: { $0.change == change }) {
            versions = [same]
            return
        }
        versions = old
        add(change)
        versions = [versions[versions.count - 1]]
    }

    /// Brings the history back within its bounds, where it is over: keeps what is from a cut on, a version that has
    /// seen all before it and that all behind it have seen, if one leaves at most half of the bounds (the earliest
    /// such one, so that as much as may be stays); else collapses to `head`.
    mutating func prune(head: Change) {
        guard !MergeHistory.isWithin(versions, part: 1) else { return }
        // By sums of counters, which rise with causality, so that every cut's kept part is a suffix.
        let ordered = versions.sorted { $0.change.clock.weight < $1.change.clock.weight }
        for start in ordered.indices {
            let kept = Array(ordered[start...])
            guard MergeHistory.isWithin(kept, part: 2) || kept.count == 1 else { continue }
            let cut = ordered[start].change.clock
            let isCut =
                ordered[..<start].allSatisfy { cut.dominates($0.change.clock) }
                && kept.allSatisfy { $0.change.clock.dominates(cut) }
            if isCut {
                versions = kept
                return
            }
        }
        collapse(to: head)
    }

    private static func isWithin(_ versions: [HistoryVersion], part: Int) -> Bool {
        versions.count <= versionsMax / part
            && versions.reduce(0) { $0 + $1.change.contentBytes } <= bytesMax / part
    }
}

extension Change {
    /// Bytes of the body and the embedding as they are stored.
    var contentBytes: Int { body.count + 4 * (embedding?.count ?? 0) }
}

extension VectorClock {
    /// The sum of all counters: of two clocks the dominating one has the larger. Clamped, for damaged ones.
    var weight: Int64 {
        entries.reduce(Int64(0)) { sum, entry in
            let (total, isOver) = sum.addingReportingOverflow(entry.counter)
            return isOver ? .max : total
        }
    }
}
