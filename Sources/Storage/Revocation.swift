public import Causality

/// Something that was taken back or changed, of which the live sessions on every hub have to hear.
public enum Revocation: Sendable, Equatable {
    case key(prefix: String)
    case device(Identifier, of: Identifier)
    /// The user came into the team or left it: what they see of others', and others of theirs, is another thing.
    case membership(Identifier, team: Identifier)
    /// The user's tier changed.
    case tier(of: Identifier)
}

/// What was taken back after a mark, and the mark behind it.
///
/// Marks count revocations in the order of their commits: no clock is asked, so that one of another machine, or one that
/// was set back, hides none.
public struct RevocationPage: Sendable, Equatable {
    public var revocations: [Revocation]
    public var mark: Int64
    /// Whether some are gone that came after the asked mark: then everybody has to be looked at again.
    public var isIncomplete: Bool

    /// Revocations that a store keeps at least, the newest.
    public static let countKept = 10_000

    public init(revocations: [Revocation], mark: Int64, isIncomplete: Bool = false) {
        self.revocations = revocations
        self.mark = mark
        self.isIncomplete = isIncomplete
    }
}

/// Whether a device is connected, as a hub notes it from time to time.
public struct Presence: Sendable, Equatable {
    public var device: Identifier
    public var userID: Identifier
    /// Until when the device counts as connected; nil: it has gone. A hub that dies takes nobody's presence back, so
    /// presence ends by itself.
    public var until: Position?

    /// Most that are noted at once: a transaction of some milliseconds.
    public static let countMax = 1_000

    public init(device: Identifier, userID: Identifier, until: Position?) {
        self.device = device
        self.userID = userID
        self.until = until
    }
}
