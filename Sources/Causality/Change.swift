/// An edit of one record, as a device made it: what a push carries and what the log keeps.
public struct Change: Sendable, Equatable {
    public var kind: Identifier
    public var id: Identifier
    public var namespace: Identifier
    /// What the writer had seen of the record, its own edit counted.
    public var clock: VectorClock
    /// Tells contents apart: given by the writer, or the SHA-256 of the body in hexadecimal.
    public var hash: Identifier
    /// JSON text, byte for byte as the writer sent it; empty for a deletion without a body.
    public var body: ArraySlice<UInt8>
    public var isDeleted: Bool
    /// The writer's time of the edit, in microseconds since 1970. Never decides an order but under last-writer-wins.
    public var updatedAt: Int64
    /// Version of the body's schema, the application's own count. 0 to 2^31 - 1.
    public var schemaVersion: Int
    /// Single-precision vector, at most ``embeddingCountMax`` finite numbers.
    public var embedding: [Float]?
    /// The replica that made this content, as the hub knows it from the push; empty before that. Not on the wire. Kept
    /// apart from the clock, which names the losers too once versions were merged.
    public var writer: Identifier
    /// Clocks of the versions (head or siblings) that this change resolves by name. Not stored.
    public var supersedes: [VectorClock]

    /// Largest embedding that known models produce, twice over.
    public static let embeddingCountMax = 8_192
    public static let defaultNamespace: Identifier = "default"

    public init(
        kind: Identifier, id: Identifier, namespace: Identifier = Change.defaultNamespace, clock: VectorClock,
        hash: Identifier, body: ArraySlice<UInt8>, isDeleted: Bool = false, updatedAt: Int64 = 0,
        schemaVersion: Int = 0, embedding: [Float]? = nil, writer: Identifier = "", supersedes: [VectorClock] = []
    ) {
        self.kind = kind
        self.id = id
        self.namespace = namespace
        self.clock = clock
        self.hash = hash
        self.body = body
        self.isDeleted = isDeleted
        self.updatedAt = updatedAt
        self.schemaVersion = schemaVersion
        self.embedding = embedding
        self.writer = writer
        self.supersedes = supersedes
    }

    /// Whether both leave the record with the same content.
    public func hasSameContent(as other: Change) -> Bool {
        hash == other.hash && isDeleted == other.isDeleted
    }
}

/// Names a record inside its space.
public struct RecordName: Hashable, Sendable {
    public let kind: Identifier
    public let id: Identifier

    public init(kind: Identifier, id: Identifier) {
        self.kind = kind
        self.id = id
    }
}

extension RecordName: Comparable {
    /// By kind, then id, each by its bytes.
    public static func < (left: RecordName, right: RecordName) -> Bool {
        left.kind == right.kind ? left.id < right.id : left.kind < right.kind
    }
}

/// Names a record. Its id never reaches across spaces.
public struct RecordKey: Hashable, Sendable {
    public let space: Identifier
    public let name: RecordName

    public init(space: Identifier, kind: Identifier, id: Identifier) {
        self.space = space
        self.name = RecordName(kind: kind, id: id)
    }
}

extension Change {
    public var name: RecordName { RecordName(kind: kind, id: id) }
}
