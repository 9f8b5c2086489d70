internal import Causality
internal import GRDB
internal import Storage

/// Teams and who is in them.
///
/// A write is refused by what it returns and not by what it throws: a throw would undo the writes of others that share
/// the transaction.
extension SQLiteAccounts {
    func add(_ team: Team) throws(StoreError) {
        let isAdded = try writing { database throws in
            guard try !SQLiteAccounts.isTaken(id: team.id, name: team.name, by: "users", database) else { return false }
            try database.execute(
                sql: "INSERT INTO teams (id, name) VALUES (?, ?)", arguments: [team.id.text, team.name.text])
            return true
        }
        guard isAdded else { throw .refused("a user of the name \(team.name) or the same id exists") }
    }

    /// Ids of users and teams name spaces, and names of both stand in one list for people.
    static func isTaken(id: Identifier, name: Identifier, by table: String, _ database: Database) throws -> Bool {
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE id = ? OR name = ?)",
            arguments: [id.text, name.text]) ?? false
    }

    func team(named name: Identifier) throws(StoreError) -> Team? {
        try rows("SELECT id, name FROM teams WHERE name = ?", [name.text]).first.map(Team.init)
    }

    func team(id: Identifier) throws(StoreError) -> Team? {
        try rows("SELECT id, name FROM teams WHERE id = ?", [id.text]).first.map(Team.init)
    }

    func teams() throws(StoreError) -> [Team] {
        try rows("SELECT id, name FROM teams ORDER BY name", []).map(Team.init)
    }

    func setMember(_ membership: Membership) throws(StoreError) {
        let (team, user) = (membership.teamID, membership.userID)
        let refusal = try writing { database throws -> StoreError? in
            func count(_ what: String, _ name: Identifier) throws -> Int {
                try Int.fetchOne(
                    database, sql: "SELECT count(*) FROM \(what) = ?", arguments: [name.text]) ?? 0
            }
            guard try count("teams WHERE id", team) > 0 else { return .refused("there is no team \(team)") }
            guard try count("users WHERE id", user) > 0 else { return .refused("there is no user \(user)") }
            try database.execute(
                sql: "UPDATE members SET role = ? WHERE team_id = ? AND user_id = ?",
                arguments: [membership.role.rawValue, team.text, user.text])
            guard database.changesCount == 0 else { return nil }
            guard try count("members WHERE team_id", team) < Team.membersMax else { return Team.full }
            guard try count("members WHERE user_id", user) < Team.perUserMax else { return Team.tooMany }
            try database.execute(
                sql: "INSERT INTO members (team_id, user_id, role) VALUES (?, ?, ?)",
                arguments: [team.text, user.text, membership.role.rawValue])
            try SQLiteAccounts.note(database, userID: user.text, team: team.text)
            return nil
        }
        if let refusal { throw refusal }
    }

    func removeMember(_ userID: Identifier, from teamID: Identifier) throws(StoreError) -> Bool {
        try writing { database throws in
            try database.execute(
                sql: "DELETE FROM members WHERE team_id = ? AND user_id = ?", arguments: [teamID.text, userID.text])
            guard database.changesCount > 0 else { return false }
            try SQLiteAccounts.note(database, userID: userID.text, team: teamID.text)
            return true
        }
    }

    func members(of teamID: Identifier) throws(StoreError) -> [Membership] {
        try rows("SELECT * FROM members WHERE team_id = ? ORDER BY user_id", [teamID.text]).map(Membership.init)
    }

    func memberships(of userID: Identifier) throws(StoreError) -> [Membership] {
        try rows("SELECT * FROM members WHERE user_id = ? ORDER BY team_id", [userID.text]).map(Membership.init)
    }

    func teammates(of userID: Identifier) throws(StoreError) -> [Identifier] {
        try rows(
            """
            SELECT DISTINCT mate.user_id FROM members AS own JOIN members AS mate ON mate.team_id = own.team_id
            WHERE own.user_id = ?1 AND mate.user_id <> ?1 ORDER BY mate.user_id
            """, [userID.text]
        ).map { Identifier(unchecked: $0["user_id"]) }
    }
}
