public import Causality
public import Wire

/// Counts of verdicts.
public struct PushTally: Sendable, Equatable {
    public internal(set) var accepted = 0
    public internal(set) var duplicate = 0
    public internal(set) var stale = 0
    public internal(set) var conflict = 0
    public internal(set) var rejected = 0
    /// Lines that were no changes and never left; counted in `rejected` too.
    public internal(set) var malformed = 0
    /// The newest position written.
    public internal(set) var position: Position?

    public init() {}

    public var total: Int { accepted + duplicate + stale + conflict + rejected }
    public var isAllAccepted: Bool { stale + conflict + rejected == 0 }

    mutating func count(_ verdict: ItemVerdict) {
        switch verdict {
        case .accepted: accepted += 1
        case .duplicate: duplicate += 1
        case .stale: stale += 1
        case .conflict: conflict += 1
        case .rejected: rejected += 1
        }
    }
}

/// An item that was not accepted.
public struct PushTrouble: Sendable {
    public var line: Int
    public var kind: String?
    public var id: String?
    public var verdict: ItemVerdict
    /// The hub's code of a rejection; the reason otherwise.
    public var code: String
    public var message: String
}
