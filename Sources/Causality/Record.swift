/// A change at its place in a space's log.
public struct LogEntry: Sendable, Equatable {
    public var position: Position
    /// The device that pushed it. Empty where the hub composed or moved it: nobody's own, so that it reaches every
    /// device, the pusher too.
    public var author: Identifier
    public var change: Change
    /// Whether it stands beside the head because the two are concurrent.
    public var isSibling: Bool
    /// How it came to stand where it stands.
    public var reason: Reason
    /// One sentence for people; empty where there is nothing to explain. At most ``detailBytesMax`` bytes.
    public var detail: String
    /// The user who made the record; empty in a user's own space, where it is the space's.
    public var owner: Identifier
    /// Whether the record was ever visible to others: then they are told when it is no more.
    public var wasShared: Bool

    /// Longest ``detail``: a few field names with what was done to them.
    public static let detailBytesMax = 512

    public init(
        position: Position, author: Identifier, change: Change, isSibling: Bool = false, reason: Reason = .newer,
        detail: String = "", owner: Identifier = "", wasShared: Bool = false
    ) {
        self.owner = owner
        self.wasShared = wasShared
        self.reason = reason
        self.detail = detail
        self.position = position
        self.author = author
        self.change = change
        self.isSibling = isSibling
    }
}

extension LogEntry {
    /// `text` as a ``detail``: cut between characters, and without control characters, which names in a body may hold.
    static func detail(_ text: String) -> String {
        var clean = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars {
            let shown = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) ? "\u{fffd}" : scalar
            bytes += UTF8.width(shown)
            guard bytes <= detailBytesMax - 3 else {
                clean.append("\u{2026}")
                break
            }
            clean.append(shown)
        }
        return String(clean)
    }
}

/// What the hub holds of one record: the head, and every version that is concurrent with it and not yet resolved.
public struct Record: Sendable, Equatable {
    public var head: LogEntry
    public var siblings: [LogEntry]

    /// Most unresolved siblings of one record. Past it a concurrent edit is refused and its device told so: a device
    /// that never merges must not grow a record without end.
    public static let siblingsMax = 64

    public init(head: LogEntry, siblings: [LogEntry] = []) {
        self.head = head
        self.siblings = siblings
    }
}

/// A place in a space's log: a hybrid logical clock (Kulkarni et al. 2014) in microseconds since 1970.
///
/// Strictly increasing in commit order, and readable as a time. 0 is the log's beginning, before every entry.
public struct Position: Hashable, Comparable, Sendable, CustomStringConvertible {
    public static let start = Position(0)
    /// The largest position that a cursor may name: 2^53, exact in every JSON reader; the year 2255.
    public static let max = Position(1 << 53)

    public let microseconds: Int64

    public init(_ microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// The position of the next entry of a log whose newest is `self`, at wall time `now`.
    public func next(now: Position) -> Position {
        Position(Swift.max(microseconds + 1, now.microseconds))
    }

    public static func < (left: Position, right: Position) -> Bool {
        left.microseconds < right.microseconds
    }

    public var description: String { String(microseconds) }
}
