/// Who else than its owner may see and write a record.
///
/// In a user's own space the owner is that user, and the others are those who are in a team with them. In a team's space
/// the owner is who made the record, and the others are the team's members.
public enum Visibility: UInt8, Sendable, CaseIterable {
    case `private` = 0
    /// The team reads it; its owner alone writes.
    case teamRead = 1
    /// The team reads and writes it.
    case teamWrite = 2

    /// As protocols write it: `private`, `team_read`, `team_write`.
    public var text: String {
        switch self {
        case .private: "private"
        case .teamRead: "team_read"
        case .teamWrite: "team_write"
        }
    }

    public init?(text: some StringProtocol) {
        guard let match = Visibility.allCases.first(where: { $0.text == text }) else { return nil }
        self = match
    }
}
