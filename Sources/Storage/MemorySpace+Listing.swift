internal import Causality

/// Listing in order of names. The sorted names are made again when a record was added since: n log n for the first
/// page after it, which a reference store may cost.
extension MemorySpace {
    mutating func records(_ query: RecordQuery) -> RecordPage {
        sortNames()
        var scan = NameScan(query)
        var records: [Record] = []
        var omitted = 0
        walk(&scan) { name, scan in
            guard var record = record(name), !query.onlyConflicted || !record.siblings.isEmpty else { return true }
            let head = record.head.change
            guard query.wants(namespace: head.namespace, isDeleted: head.isDeleted) else { return true }
            var bytes = record.head.encodedBytesEstimate
            if query.onlyConflicted {
                bytes += record.siblings.reduce(0) { $0 + $1.encodedBytesEstimate }
            } else {
                record.siblings = record.siblings.map(\.withoutContent)
            }
            let (isFirst, room) = (scan.isEmpty, scan.bytesLeft)
            guard scan.offer(encodedBytes: bytes) else { return false }
            if isFirst, query.onlyConflicted { omitted = record.omitSiblings(past: room) }
            records.append(record)
            return true
        }
        return RecordPage(records: records, next: scan.next, omittedSiblingCount: omitted)
    }

    mutating func manifest(_ query: ManifestQuery) -> ManifestPage {
        sortNames()
        var scan = NameScan(query)
        var entries: [ManifestEntry] = []
        walk(&scan) { name, scan in
            guard let head = places[name]?.head.flatMap(entry) else { return true }
            guard scan.offer() else { return false }
            entries.append(
                ManifestEntry(
                    name: name, hash: head.change.hash, isDeleted: head.change.isDeleted, position: head.position,
                    visibility: head.change.visibility ?? .private, owner: head.owner, wasShared: head.wasShared))
            return true
        }
        return ManifestPage(entries: entries, next: scan.next)
    }

    private mutating func sortNames() {
        if sortedNames.count != places.count { sortedNames = places.keys.sorted() }
    }

    /// Calls `candidate` with each name that the scan asks for until it says false.
    private func walk(_ scan: inout NameScan, _ candidate: (RecordName, inout NameScan) -> Bool) {
        guard let start = scan.start else { return }
        var index = index(of: start)
        while index < sortedNames.count {
            switch scan.look(at: sortedNames[index]) {
            case .stop: return
            case .seek(let later): index = self.index(of: later)
            case .candidate:
                guard candidate(sortedNames[index], &scan) else { return }
                index += 1
            }
        }
    }

    /// The index of the first name that is `name` or behind it.
    private func index(of name: RecordName) -> Int {
        var low = 0
        var high = sortedNames.count
        while low < high {
            let middle = (low + high) / 2
            if sortedNames[middle] < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension Record {
    /// Leaves out the siblings that, oldest first, find no room in `bytes` beside the head; returns their number.
    fileprivate mutating func omitSiblings(past bytes: Int) -> Int {
        var left = bytes - head.encodedBytesEstimate
        let count = siblings.count
        siblings = Array(
            siblings.prefix { sibling in
                left -= sibling.encodedBytesEstimate
                return left >= 0
            })
        return count - siblings.count
    }
}

extension LogEntry {
    var withoutContent: LogEntry {
        var bare = change
        bare.body = []
        bare.embedding = nil
        return LogEntry(
            position: position, author: author, change: bare, isSibling: isSibling, owner: owner, wasShared: wasShared)
    }
}
