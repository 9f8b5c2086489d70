public import Causality

/// Some users who share.
public struct Team: Sendable, Equatable {
    /// Members of one team, and teams of one user: each pull of a member reads the heads of all.
    public static let membersMax = 500
    public static let perUserMax = 50

    /// Random, never reused; names the team's own space.
    public let id: Identifier
    public let name: Identifier

    public init(id: Identifier, name: Identifier) {
        self.id = id
        self.name = name
    }

    /// Why a user does not come into a team.
    public static let full = StoreError.refused("the team has \(membersMax) members, and no more fit")
    public static let tooMany = StoreError.refused("the user is in \(perUserMax) teams, and no more fit")

    /// The space of the records that are nobody's own.
    public var space: Identifier { id }
}

/// That a user is in a team.
public struct Membership: Sendable, Equatable {
    public enum Role: String, Sendable, CaseIterable {
        case owner
        case admin
        case member
    }

    public let teamID: Identifier
    public let userID: Identifier
    public var role: Role

    public init(teamID: Identifier, userID: Identifier, role: Role) {
        self.teamID = teamID
        self.userID = userID
        self.role = role
    }
}
