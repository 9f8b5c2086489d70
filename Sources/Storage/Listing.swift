public import Causality

// Reads in order of the records' names: kind, then id, by their bytes. A name stands still while its record changes, so
// a walk that goes on behind a name misses no record that was there when it began and is still there at its end.

/// Which records to list.
public struct RecordQuery: Sendable {
    public var space: Identifier
    /// Only this kind; nil means all.
    public var kind: Identifier?
    /// Only this namespace; nil means all.
    public var namespace: Identifier?
    /// Only ids that begin with these bytes of UTF-8; empty means all.
    public var idPrefix: String
    /// Records up to and with this name are left out.
    public var after: RecordName?
    /// Most records. 1 or more.
    public var limit: Int
    /// Stops before the record with which the sum of ``LogEntry/encodedBytesEstimate`` would pass this number. The first
    /// record is taken whatever its size, with as many of its siblings, oldest first, as there is room for.
    public var bytesMax: Int
    /// Whether records whose head is a deletion are listed. Under ``onlyConflicted`` they always are: an edit beside a
    /// deletion has to be settled too.
    public var includesDeleted: Bool
    /// Only records with siblings.
    public var onlyConflicted: Bool

    public init(
        space: Identifier, kind: Identifier? = nil, namespace: Identifier? = nil, idPrefix: String = "",
        after: RecordName? = nil, limit: Int = 1_000, bytesMax: Int = 4 << 20, includesDeleted: Bool = false,
        onlyConflicted: Bool = false
    ) {
        self.space = space
        self.kind = kind
        self.namespace = namespace
        self.idPrefix = idPrefix
        self.after = after
        self.limit = limit
        self.bytesMax = bytesMax
        self.includesDeleted = includesDeleted
        self.onlyConflicted = onlyConflicted
    }

    /// Whether the filters that a name does not tell let a record with this head through.
    public func wants(namespace: Identifier, isDeleted: Bool) -> Bool {
        if let wanted = self.namespace, wanted != namespace { return false }
        return includesDeleted || onlyConflicted || !isDeleted
    }
}

/// Records in order of their names, from one consistent cut.
public struct RecordPage: Sendable {
    /// Heads are whole. Siblings, oldest first, are whole under ``RecordQuery/onlyConflicted``; else they are here
    /// without body and embedding, for their number and their clocks.
    public var records: [Record]
    /// Where to go on; nil: there is no more. A page may be empty and still have more: one call looks at no more than
    /// ``NameScan/scannedMax`` names.
    public var next: RecordName?
    /// Siblings of the last record for which there was no room.
    public var omittedSiblingCount: Int

    public init(records: [Record], next: RecordName?, omittedSiblingCount: Int = 0) {
        self.records = records
        self.next = next
        self.omittedSiblingCount = omittedSiblingCount
    }
}

/// A record as a device can compare it with its own, without its content.
public struct ManifestEntry: Sendable, Equatable {
    public var name: RecordName
    public var hash: Identifier
    public var isDeleted: Bool
    public var position: Position
    public var visibility: Visibility
    /// As ``LogEntry/owner``.
    public var owner: Identifier
    /// As ``LogEntry/wasShared``.
    public var wasShared: Bool

    public init(
        name: RecordName, hash: Identifier, isDeleted: Bool, position: Position, visibility: Visibility = .private,
        owner: Identifier = "", wasShared: Bool = false
    ) {
        self.visibility = visibility
        self.owner = owner
        self.wasShared = wasShared
        self.name = name
        self.hash = hash
        self.isDeleted = isDeleted
        self.position = position
    }
}

/// Which heads to compare. Deletions are among them.
public struct ManifestQuery: Sendable {
    public var space: Identifier
    /// Only these kinds; empty means all.
    public var kinds: [Identifier]
    /// Records up to and with this name are left out.
    public var after: RecordName?
    /// Records beyond this name are left out; nil: to the end.
    public var upTo: RecordName?
    /// Most entries. 1 or more.
    public var limit: Int

    public init(
        space: Identifier, kinds: [Identifier] = [], after: RecordName? = nil, upTo: RecordName? = nil,
        limit: Int = 10_000
    ) {
        self.space = space
        self.kinds = kinds
        self.after = after
        self.upTo = upTo
        self.limit = limit
    }
}

/// Heads in order of their names, from one consistent cut.
public struct ManifestPage: Sendable {
    public var entries: [ManifestEntry]
    /// Everything that the query asks for up to here is in `entries`, and there may be more behind it; nil: all is.
    public var next: RecordName?

    public init(entries: [ManifestEntry], next: RecordName?) {
        self.entries = entries
        self.next = next
    }
}
