public import Causality
public import Storage

/// What the hub says to a device.
public enum HubFrame: Sendable, Equatable {
    case welcome(Welcome)
    case pushed(Pushed)
    case changes(Changes)
    case conflict(Conflict)
    case synced(Synced)
    case pong(id: String?)
    case error(ErrorFrame)
    case bye(Bye)
}

/// The answer to a hello.
public struct Welcome: Sendable, Equatable {
    /// Names the session in the hub's logs.
    public var session: String
    /// The hub's wall time in microseconds since 1970.
    public var serverTime: Int64
    public var user: String
    public var device: Identifier
    /// The device's name in clocks: its present incarnation.
    public var replica: Identifier
    /// The space as the client is told it.
    public var space: Identifier
    /// The log's generation, 16 hexadecimal digits.
    public var generation: String
    public var limits: WireLimits
    /// The log's head when the session began; nil where the hub does not tell.
    public var cursor: Cursor?

    public init(
        session: String, serverTime: Int64, user: String, device: Identifier, replica: Identifier,
        space: Identifier, generation: String, limits: WireLimits = .standard, cursor: Cursor? = nil
    ) {
        self.session = session
        self.serverTime = serverTime
        self.user = user
        self.device = device
        self.replica = replica
        self.space = space
        self.generation = generation
        self.limits = limits
        self.cursor = cursor
    }
}

/// The answer to a push: one item for each of its items, in their order.
public struct Pushed: Sendable, Equatable {
    public var id: String
    public var items: [PushedItem]
    /// The highest position that the push wrote; nil when it wrote nothing.
    public var position: Position?

    public init(id: String, items: [PushedItem], position: Position? = nil) {
        self.id = id
        self.items = items
        self.position = position
    }
}

/// What an item of a push came to, on the wire: the resolver's ``Verdict``, or refused before it or by a limit.
public enum ItemVerdict: String, Sendable, CaseIterable {
    case accepted
    case duplicate
    case stale
    case conflict
    case rejected

    public init(_ verdict: Verdict) {
        switch verdict {
        case .accepted: self = .accepted
        case .duplicate: self = .duplicate
        case .stale: self = .stale
        case .conflict: self = .conflict
        }
    }
}

/// What became of one item.
public struct PushedItem: Sendable, Equatable {
    public var kind: String?
    public var id: String?
    public var verdict: ItemVerdict
    /// Nil when the item was rejected.
    public var reason: Reason?
    /// The version's clock after the decision; nil when the item had no valid form.
    public var clock: VectorClock?
    public var position: Position?
    /// The stored head, on stale, conflict and refusals by state.
    public var stored: LogEntry?
    /// Set when `verdict` is rejected.
    public var error: ErrorCode?
    public var message: String?

    public init(
        kind: String?, id: String?, verdict: ItemVerdict, reason: Reason? = nil, clock: VectorClock? = nil,
        position: Position? = nil, stored: LogEntry? = nil, error: ErrorCode? = nil, message: String? = nil
    ) {
        self.kind = kind
        self.id = id
        self.verdict = verdict
        self.reason = reason
        self.clock = clock
        self.position = position
        self.stored = stored
        self.error = error
        self.message = message
    }

    /// The journal's answer to `change`.
    public init(_ change: Change, _ result: ItemResult) {
        self.init(
            kind: change.kind.text, id: change.id.text, verdict: .rejected,
            clock: result.clock.isEmpty ? nil : result.clock,
            position: result.position, stored: result.stored)
        switch result.decision {
        case .verdict(let verdict, let reason):
            self.verdict = ItemVerdict(verdict)
            self.reason = reason
        case .siblingLimit: refuse(.siblingLimit)
        case .clockLimit: refuse(.badClock, PushedItem.clockLimitMessage)
        case .unknownVersion: refuse(.unknownVersion)
        case .overloaded: refuse(.overloaded, "The hub merged as much as one commit may. Push this item again.")
        case .atomicAborted: refuse(.atomicAborted)
        case .forbidden: refuse(.forbidden, "The record is another user's, who lets nobody else write it.")
        case .recordLimit: refuse(.recordLimit)
        case .unexpected: refuse(.unknownVersion)
        }
    }

    public init(_ rejection: ItemRejection) {
        self.init(
            kind: rejection.kind, id: rejection.id, verdict: .rejected, error: rejection.error,
            message: rejection.message)
    }

    private static let clockLimitMessage =
        "Merged with what it replaces, the clock would have over \(VectorClock.entriesMax) replicas or a counter over "
        + "2^53."

    private mutating func refuse(_ code: ErrorCode, _ message: String? = nil) {
        error = code
        self.message = message ?? code.sentence
    }
}

/// A stretch of a space's log: heads only, in order of position. Chained by `after` and `upTo`.
public struct Changes: Sendable, Equatable {
    public var space: Identifier
    public var after: Cursor
    public var upTo: Cursor
    public var changes: [LogEntry]

    public init(space: Identifier, after: Cursor, upTo: Cursor, changes: [LogEntry]) {
        self.space = space
        self.after = after
        self.upTo = upTo
        self.changes = changes
    }
}

/// One sibling in the log: a version that stands beside its record's head. A link of the same chain.
public struct Conflict: Sendable, Equatable {
    public var space: Identifier
    public var after: Cursor
    public var upTo: Cursor
    public var change: LogEntry
    /// The clock of the head that it stands beside, where the hub has it at hand.
    public var headClock: VectorClock?

    public init(space: Identifier, after: Cursor, upTo: Cursor, change: LogEntry, headClock: VectorClock? = nil) {
        self.space = space
        self.after = after
        self.upTo = upTo
        self.change = change
        self.headClock = headClock
    }
}

/// A link of the chain with nothing in it for this device: its own changes, filtered ones, or the end of a catch-up.
public struct Synced: Sendable, Equatable {
    public var space: Identifier
    /// Nil only where the chain begins anew.
    public var after: Cursor?
    /// Field `up_to`.
    public var cursor: Cursor

    public init(space: Identifier, after: Cursor? = nil, cursor: Cursor) {
        self.space = space
        self.after = after
        self.cursor = cursor
    }
}

/// Something that went wrong, and whether the session ends with it.
public struct ErrorFrame: Sendable, Equatable {
    public var code: ErrorCode
    public var message: String
    public var retryAfterMs: Int?
    /// The push that it is about, where there is one. Field `id`.
    public var pushID: String?
    public var isFatal: Bool

    public init(
        code: ErrorCode, message: String? = nil, retryAfterMs: Int? = nil, pushID: String? = nil,
        isFatal: Bool? = nil
    ) {
        self.code = code
        self.message = message ?? code.sentence
        self.retryAfterMs = retryAfterMs
        self.pushID = pushID
        self.isFatal = isFatal ?? code.isFatal
    }

    public init(_ error: FrameError) {
        self.init(code: error.code, message: error.message, pushID: error.pushID)
    }
}

/// The hub ends the session in good order.
public struct Bye: Sendable, Equatable {
    public var reason: ErrorCode
    /// How long to wait before the next try, the device's own jitter on top.
    public var reconnectAfterMs: Int

    public init(reason: ErrorCode, reconnectAfterMs: Int) {
        self.reason = reason
        self.reconnectAfterMs = reconnectAfterMs
    }
}
