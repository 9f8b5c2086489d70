internal import Causality
internal import Hub
internal import Storage

/// The spaces whose records a user syncs: their own, their teammates' as far as they are visible, and their teams'.
struct Reach {
    let user: User
    let teammates: [Identifier]
    let teams: [Identifier]

    init(_ user: User, _ desk: DialectDesk) throws(DialectError) {
        self.user = user
        (teammates, teams) = try desk.reading { () throws(StoreError) in
            let accounts = desk.store.accounts
            let teams = try accounts.memberships(of: user.id).map(\.teamID)
            // Who is in no team has no teammates.
            return (teams.isEmpty ? [] : try accounts.teammates(of: user.id), teams)
        }
    }

    init(_ user: User, _ attendance: Attendance) {
        self.user = user
        teams = attendance.memberships.map(\.teamID)
        teammates = attendance.teammates
    }

    var others: [Identifier] { teammates + teams }
    var all: [Identifier] { [user.space] + others }

    func standing(in space: Identifier) -> Standing {
        if space == user.space { return .owner }
        return teams.contains(space) ? .member : .guest
    }

    /// The newest positions; spaces in which nothing was ever written are left out.
    func heads(_ desk: DialectDesk) throws(DialectError) -> [Identifier: Position] {
        let all = all
        return try desk.reading { () throws(StoreError) in
            var heads: [Identifier: Position] = [:]
            for start in stride(from: 0, to: all.count, by: SpaceHeads.spacesMax) {
                let spaces = Array(all[start..<min(start + SpaceHeads.spacesMax, all.count)])
                heads.merge(try desk.store.heads(of: spaces)) { $1 }
            }
            return heads
        }
    }

    enum Sight {
        case whole
        /// It was visible and is no more, as far as this user may know: a deletion without a content.
        case gone
        case hidden
    }

    func sight(of entry: LogEntry, in space: Identifier) -> Sight {
        if space == user.space || entry.owner == user.id { return .whole }
        if entry.change.visibility ?? .private != .private { return .whole }
        return entry.wasShared ? .gone : .hidden
    }

    /// Whether the user may write a record that they see.
    func mayWrite(_ entry: LogEntry, in space: Identifier) -> Bool {
        space == user.space || entry.owner == user.id || entry.change.visibility == .teamWrite
    }
}
