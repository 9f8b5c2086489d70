internal import Causality

/// One space of a ``MemoryStore``: its log as an array sorted by position, and where each record stands in it.
///
/// An ended entry leaves a hole that keeps its position, so that a rollback puts it back in place; holes are squeezed
/// out once they are most of the array, which costs each append a constant on average.
struct MemorySpace {
    /// What brings a space back to where it was before an append.
    struct Undo {
        let head: Position
        let countBefore: Int
        let ended: [(index: Int, entry: LogEntry)]
        /// What each touched record was, in the order of the touches.
        let places: [(name: RecordName, before: Place?)]
    }

    struct Place {
        var head: Position?
        var siblings: [Position] = []
    }

    private(set) var head = Position.start
    private var positions: [Position] = []
    private var entries: [LogEntry?] = []
    private var holeCount = 0
    private(set) var places: [RecordName: Place] = [:]
    /// The records' names in order, as the last listing found them. Names come and stay, so it is as good as it is long,
    /// unless a rollback took some away.
    var sortedNames: [RecordName] = []

    /// The index of the first entry after `position`.
    func index(after position: Position) -> Int {
        var low = 0
        var high = positions.count
        while low < high {
            let middle = (low + high) / 2
            if positions[middle] <= position { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func record(_ name: RecordName) -> Record? {
        guard let place = places[name], let head = place.head.flatMap(entry) else { return nil }
        return Record(head: head, siblings: place.siblings.compactMap(entry))
    }

    func page(_ query: PageQuery) -> LogPage {
        var scan = PageScan(query)
        var taken: [LogEntry] = []
        var index = index(after: query.after)
        scanning: while index < entries.count {
            if let entry = entries[index] {
                let verdict = scan.offer(
                    entry.position, kind: entry.change.kind, namespace: entry.change.namespace, author: entry.author,
                    encodedBytes: entry.encodedBytesEstimate)
                switch verdict {
                case .take: taken.append(entry)
                case .skip: break
                case .stop: break scanning
                }
            }
            index += 1
        }
        return scan.page(taken, head: head)
    }

    func statistics() -> SpaceStatistics {
        var statistics = SpaceStatistics(head: head, recordCount: 0, deletedCount: 0, siblingCount: 0)
        for case .some(let entry) in entries {
            if entry.isSibling {
                statistics.siblingCount += 1
            } else if entry.change.isDeleted {
                statistics.deletedCount += 1
            } else {
                statistics.recordCount += 1
            }
        }
        return statistics
    }

    mutating func append(_ added: [LogEntry], ending endedPositions: [Position], head newHead: Position) -> Undo {
        let before = head
        let countBefore = entries.count
        var ended: [(index: Int, entry: LogEntry)] = []
        var touched: [(name: RecordName, before: Place?)] = []
        touched.reserveCapacity(endedPositions.count + added.count)
        for position in endedPositions {
            let index = index(after: position) - 1
            guard index >= 0, positions[index] == position, let entry = entries[index] else { continue }
            ended.append((index, entry))
            entries[index] = nil
            let name = entry.change.name
            touched.append((name, places[name]))
            if entry.isSibling {
                places[name]?.siblings.removeAll { $0 == position }
            } else {
                places[name]?.head = nil
            }
        }
        for var entry in added {
            // A slice of a pushed frame would keep the whole frame in memory for as long as the record lives.
            entry.change.body = ArraySlice(Array(entry.change.body))
            let name = entry.change.name
            touched.append((name, places[name]))
            if entry.isSibling {
                places[name, default: Place()].siblings.append(entry.position)
            } else {
                places[name, default: Place()].head = entry.position
            }
            positions.append(entry.position)
            entries.append(entry)
        }
        holeCount += ended.count
        head = newHead
        return Undo(head: before, countBefore: countBefore, ended: ended, places: touched)
    }

    mutating func restore(_ undo: Undo) {
        entries.removeSubrange(undo.countBefore...)
        positions.removeSubrange(undo.countBefore...)
        for (index, entry) in undo.ended { entries[index] = entry }
        for (name, place) in undo.places.reversed() { places[name] = place }
        sortedNames = []
        holeCount -= undo.ended.count
        head = undo.head
    }

    /// Squeezes out the holes when they are most of the array. Only between transactions: undoing counts on indices.
    mutating func squeeze() {
        guard holeCount > 64, holeCount * 2 > entries.count else { return }
        entries.removeAll { $0 == nil }
        positions = entries.compactMap { $0?.position }
        holeCount = 0
    }

    /// In order of position.
    func eachEntry(_ body: (LogEntry) throws -> Void) rethrows {
        for case .some(let entry) in entries { try body(entry) }
    }

    /// A record that has siblings and no head; there is none but in what was filled in from elsewhere.
    var orphan: RecordName? { places.first { $0.value.head == nil && !$0.value.siblings.isEmpty }?.key }

    func entry(at position: Position) -> LogEntry? {
        let index = index(after: position) - 1
        guard index >= 0, positions[index] == position else { return nil }
        return entries[index]
    }
}
