public import Causality

/// What a device says to the hub.
public enum ClientFrame: Sendable, Equatable {
    /// The first frame of a session, and only the first.
    case hello(Hello)
    case push(Push)
    /// A push of one change that names, in its `supersedes`, the versions that it settles.
    case resolve(Push)
    /// Everything up to `cursor` is durable on the device.
    case ack(cursor: Cursor)
    case ping(id: String?)
    case bye
}

/// Who is calling, and what it wants to hear.
public struct Hello: Sendable, Equatable {
    /// Field `protocol`.
    public var protocolVersion: Int
    public var device: Identifier
    /// The API key, for those who could not send it in a header.
    public var key: String?
    /// Where the device stopped reading; nil reads from the log's beginning.
    public var cursor: Cursor?
    /// Only these kinds; empty means all.
    public var kinds: [Identifier]
    /// Only these namespaces; empty means all.
    public var namespaces: [Identifier]
    /// Whether changes are wanted. A session that only pushes says false.
    public var live: Bool
    /// The program's name and version, for the hub's logs. At most 256 bytes.
    public var client: String?
    /// The space: `team:NAME`, `user:NAME`; nil or `own`: the user's own.
    public var space: Identifier?

    public init(
        protocolVersion: Int = CarillonProtocol.version, device: Identifier, key: String? = nil,
        cursor: Cursor? = nil, kinds: [Identifier] = [], namespaces: [Identifier] = [], live: Bool = true,
        client: String? = nil, space: Identifier? = nil
    ) {
        self.space = space
        self.protocolVersion = protocolVersion
        self.device = device
        self.key = key
        self.cursor = cursor
        self.kinds = kinds
        self.namespaces = namespaces
        self.live = live
        self.client = client
    }
}

/// Changes of one device, each to get its own verdict.
public struct Push: Sendable, Equatable {
    /// Chosen by the device and echoed in the answer. At most 128 bytes; empty in a REST push that gives none.
    public var id: String
    public var items: [PushItem]
    /// All or nothing.
    public var isAtomic: Bool
    /// The pushed versions win over whatever is stored.
    public var isForced: Bool

    public init(id: String, items: [PushItem], isAtomic: Bool = false, isForced: Bool = false) {
        self.id = id
        self.items = items
        self.isAtomic = isAtomic
        self.isForced = isForced
    }

    public init(id: String, changes: [Change], isAtomic: Bool = false, isForced: Bool = false) {
        self.init(id: id, items: changes.map { .change($0) }, isAtomic: isAtomic, isForced: isForced)
    }

    /// Whether an item has no valid form. An atomic push with one writes nothing.
    public var hasRejections: Bool {
        items.contains { if case .rejected = $0 { true } else { false } }
    }
}

/// One item of a push: one bad item never blocks the others.
public enum PushItem: Sendable, Equatable {
    case change(Change)
    case rejected(ItemRejection)
}

/// Why an item of a push is no change.
public struct ItemRejection: Sendable, Equatable {
    /// The item's kind and id as far as it had any.
    public var kind: String?
    public var id: String?
    public var error: ErrorCode
    public var message: String

    public init(kind: String?, id: String?, error: ErrorCode, message: String) {
        self.kind = kind
        self.id = id
        self.error = error
        self.message = message
    }
}
