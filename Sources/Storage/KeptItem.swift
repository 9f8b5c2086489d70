public import Causality

/// A piece of all that a store holds, in the order in which a store is read out and filled: the life first, each key and
/// device after its user, each note after its device, teams after the users and each member after its team, each space's entries in order of position after its space, histories after the entries.
///
/// Answers that are kept for requests that come again are left out: they are a day's worth, and what comes again is a
/// duplicate by its clock.
public enum KeptItem: Sendable, Equatable {
    case life(Generation)
    case policy(ConflictPolicy, kind: Identifier)
    case user(User, passwordHash: String?)
    case key(APIKeyRecord)
    /// With its ``Device/acknowledged``.
    case device(Device)
    /// The one that was kept longest first.
    case note([UInt8], name: String, device: Identifier, of: Identifier)
    case team(Team)
    case member(Membership)
    case space(Identifier, head: Position)
    case entry(LogEntry, space: Identifier)
    case version(HistoryVersion, name: RecordName, space: Identifier)
}
