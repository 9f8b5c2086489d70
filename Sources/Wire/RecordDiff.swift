public import Causality
public import Storage

/// What a device holds, as it tells it to be compared: a stretch of its records in order of their names.
public struct DiffRequest: Sendable, Equatable {
    public struct Item: Sendable, Equatable {
        public var name: RecordName
        public var hash: Identifier

        public init(name: RecordName, hash: Identifier) {
            self.name = name
            self.hash = hash
        }
    }

    /// Most records of one request. 10,000: under a second to send and to compare.
    public static let recordsMax = 10_000

    /// Only these kinds; empty means all.
    public var kinds: [Identifier]
    /// The stretch begins behind this name; nil: at the beginning.
    public var after: RecordName?
    /// Sorted by name, no name twice.
    public var records: [Item]
    /// Whether the device has no record behind the last one. The stretch then goes to the end, else to the last one.
    public var isLast: Bool

    public init(kinds: [Identifier] = [], after: RecordName? = nil, records: [Item], isLast: Bool) {
        self.kinds = kinds
        self.after = after
        self.records = records
        self.isLast = isLast
    }

    /// What to read of the store, to be compared with.
    public func query(space: Identifier) -> ManifestQuery {
        ManifestQuery(space: space, kinds: kinds, after: after, upTo: isLast ? nil : records.last?.name)
    }
}

/// How a device's records differ from the hub's.
public struct RecordDiff: Sendable, Equatable {
    /// Live on the hub, not on the device.
    public var missing: [ManifestEntry] = []
    /// Another content on the hub, or a deletion.
    public var different: [ManifestEntry] = []
    /// On the device, never on the hub.
    public var unknown: [RecordName] = []
    /// How far was compared; nil: to the end.
    public var next: RecordName?
    public var hasMore: Bool { next != nil }

    /// Compares in one pass over both.
    public init(_ request: DiffRequest, with page: ManifestPage) {
        var mine = request.records[...]
        if let end = page.next { mine = mine.prefix { !(end < $0.name) } }
        var theirs = page.entries[...]
        while let item = mine.first {
            guard let entry = theirs.first, !(item.name < entry.name) else {
                unknown.append(item.name)
                mine.removeFirst()
                continue
            }
            theirs.removeFirst()
            if entry.name < item.name {
                if !entry.isDeleted { missing.append(entry) }
                continue
            }
            if entry.isDeleted || entry.hash != item.hash { different.append(entry) }
            mine.removeFirst()
        }
        missing += theirs.filter { !$0.isDeleted }
        next = page.next ?? (request.isLast ? nil : request.records.last?.name)
    }
}
