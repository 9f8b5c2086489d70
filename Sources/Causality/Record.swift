/// A change at its place in a space's log.
public struct LogEntry: Sendable, Equatable {
    public var position: Position
    /// The device that pushed it.
    public var author: Identifier
    public var change: Change
    /// Whether it stands beside the head because the two are concurrent.
    public var isSibling: Bool

    public init(position: Position, author: Identifier, change: Change, isSibling: Bool = false) {
        self.position = position
        self.author = author
        self.change = change
        self.isSibling = isSibling
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
