/// An edit of one record, as a device made it: what a push carries and what the log keeps.
public struct Change: Sendable, Equatable {
    /// One reference instead of a dozen: a change is passed on and kept in several places, and each copy of its fields
    /// would count the references of all of them.
    private var box: ChangeBox

    /// Largest embedding that known models produce, twice over.
    public static let embeddingCountMax = 8_192
    public static let defaultNamespace: Identifier = "default"

    public init(
        kind: Identifier, id: Identifier, namespace: Identifier = Change.defaultNamespace, clock: VectorClock,
        hash: Identifier, body: ArraySlice<UInt8>, isDeleted: Bool = false, updatedAt: Int64 = 0,
        schemaVersion: Int = 0, embedding: [Float]? = nil, writer: Identifier = "", supersedes: [VectorClock] = [],
        visibility: Visibility? = nil
    ) {
        box = ChangeBox(
            ChangeFields(
                kind: kind, id: id, namespace: namespace, clock: clock, hash: hash, body: body, isDeleted: isDeleted,
                updatedAt: updatedAt, schemaVersion: schemaVersion, embedding: embedding, writer: writer,
                supersedes: supersedes, visibility: visibility))
    }

    public static func == (left: Change, right: Change) -> Bool {
        left.box === right.box || left.box.fields == right.box.fields
    }

    public var kind: Identifier {
        get { box.fields.kind }
        set {
            own()
            box.fields.kind = newValue
        }
    }
    public var id: Identifier {
        get { box.fields.id }
        set {
            own()
            box.fields.id = newValue
        }
    }
    public var namespace: Identifier {
        get { box.fields.namespace }
        set {
            own()
            box.fields.namespace = newValue
        }
    }
    /// What the writer had seen of the record, its own edit counted.
    public var clock: VectorClock {
        get { box.fields.clock }
        set {
            own()
            box.fields.clock = newValue
        }
    }
    /// Tells contents apart: given by the writer, or the SHA-256 of the body in hexadecimal.
    public var hash: Identifier {
        get { box.fields.hash }
        set {
            own()
            box.fields.hash = newValue
        }
    }
    /// JSON text, byte for byte as the writer sent it; empty for a deletion without a body.
    public var body: ArraySlice<UInt8> {
        get { box.fields.body }
        set {
            own()
            box.fields.body = newValue
        }
    }
    public var isDeleted: Bool {
        get { box.fields.isDeleted }
        set {
            own()
            box.fields.isDeleted = newValue
        }
    }
    /// The writer's time of the edit, in microseconds since 1970. Never decides an order but under last-writer-wins.
    public var updatedAt: Int64 {
        get { box.fields.updatedAt }
        set {
            own()
            box.fields.updatedAt = newValue
        }
    }
    /// Version of the body's schema, the application's own count. 0 to 2^31 - 1.
    public var schemaVersion: Int {
        get { box.fields.schemaVersion }
        set {
            own()
            box.fields.schemaVersion = newValue
        }
    }
    /// Single-precision vector, at most ``embeddingCountMax`` finite numbers.
    public var embedding: [Float]? {
        get { box.fields.embedding }
        set {
            own()
            box.fields.embedding = newValue
        }
    }
    /// The replica that made this content, as the hub knows it from the push; empty before that. Not on the wire. Kept
    /// apart from the clock, which names the losers too once versions were merged.
    public var writer: Identifier {
        get { box.fields.writer }
        set {
            own()
            box.fields.writer = newValue
        }
    }
    /// Clocks of the versions (head or siblings) that this change resolves by name. Not stored.
    public var supersedes: [VectorClock] {
        get { box.fields.supersedes }
        set {
            own()
            box.fields.supersedes = newValue
        }
    }
    /// Nil in a push: as the record has it, and for a new record what its space gives. Never nil in the log.
    public var visibility: Visibility? {
        get { box.fields.visibility }
        set {
            own()
            box.fields.visibility = newValue
        }
    }

    /// Makes the box this value's alone before it is written to.
    private mutating func own() {
        if !isKnownUniquelyReferenced(&box) { box = ChangeBox(box.fields) }
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

private struct ChangeFields: Sendable, Equatable {
    var kind: Identifier
    var id: Identifier
    var namespace: Identifier
    var clock: VectorClock
    var hash: Identifier
    var body: ArraySlice<UInt8>
    var isDeleted: Bool
    var updatedAt: Int64
    var schemaVersion: Int
    var embedding: [Float]?
    var writer: Identifier
    var supersedes: [VectorClock]
    var visibility: Visibility?
}

// @unchecked: `fields` is written only while one value alone refers to the box (see `Change.own`), as an array's are.
private final class ChangeBox: @unchecked Sendable {
    var fields: ChangeFields

    init(_ fields: ChangeFields) { self.fields = fields }
}
