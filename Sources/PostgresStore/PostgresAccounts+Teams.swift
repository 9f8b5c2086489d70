internal import Causality
internal import Storage

/// Teams, who is in them, and notes of devices.
extension PostgresAccounts {
    func add(_ team: Team) throws(StoreError) {
        let sentence = "a user or team of the name \(team.name) or the same id exists"
        let results = try PostgresAccounts.refusing(sentence) { () throws(StoreError) in
            try store.sharedStatements.run(
                [
                    (AccountStatements.lockNames, Parameters()),
                    (TeamStatements.addTeam, PostgresAccounts.place(team.name, team.id)),
                ], isRepeatable: false)
        }
        guard results.last?.first != nil else { throw .refused(sentence) }
    }

    func team(named name: Identifier) throws(StoreError) -> Team? {
        try rows(TeamStatements.teamNamed, Parameters(name)).first.map(Team.init)
    }

    func team(id: Identifier) throws(StoreError) -> Team? {
        try rows(TeamStatements.teamOfID, Parameters(id)).first.map(Team.init)
    }

    func teams() throws(StoreError) -> [Team] { try rows(TeamStatements.teams).map(Team.init) }

    func setMember(_ membership: Membership) throws(StoreError) {
        var row = PostgresAccounts.place(membership.userID, membership.teamID)
        row.add(membership.role.rawValue)
        for limit in [Team.membersMax, Team.perUserMax, RevocationPage.countKept] { row.add(Int64(limit)) }
        let steps = [
            (TeamStatements.lockTeam, Parameters(membership.teamID)),
            (AccountStatements.lockUser, Parameters(membership.userID)),
            (TeamStatements.setMember, row),
        ]
        let (team, user) = (membership.teamID, membership.userID)
        let results = try PostgresAccounts.refusing("there is no team \(team) or no user \(user)") {
            () throws(StoreError) in try store.sharedStatements.run(steps, isRepeatable: true)
        }
        guard results.count == 3, let outcome = results[2].first else {
            throw .unavailable("a write ended without its outcome")
        }
        guard !outcome.flag(0) else { return }
        throw outcome.flag(1) ? Team.full : Team.tooMany
    }

    func removeMember(_ userID: Identifier, from teamID: Identifier) throws(StoreError) -> Bool {
        var row = PostgresAccounts.place(userID, teamID)
        row.add(Int64(RevocationPage.countKept))
        let results = try store.sharedStatements.run([(TeamStatements.removeMember, row)], isRepeatable: false)
        return results.first?.first?.flag(0) ?? false
    }

    func members(of teamID: Identifier) throws(StoreError) -> [Membership] {
        try rows(TeamStatements.members, Parameters(teamID)).map(Membership.init)
    }

    func memberships(of userID: Identifier) throws(StoreError) -> [Membership] {
        try rows(TeamStatements.memberships, Parameters(userID)).map(Membership.init)
    }

    func teammates(of userID: Identifier) throws(StoreError) -> [Identifier] {
        try rows(TeamStatements.teammates, Parameters(userID)).map { $0.name(0) }
    }

    // MARK: - Notes

    func note(_ name: String, device id: Identifier, of userID: Identifier) throws(StoreError) -> [UInt8]? {
        var row = PostgresAccounts.place(id, userID)
        row.add(name)
        return try rows(TeamStatements.note, row).first?.bytes(0)
    }

    func attendance(
        of id: Identifier, _ userID: Identifier, note name: String
    ) throws(StoreError) -> Attendance {
        let (device, user) = (PostgresAccounts.place(id, userID), Parameters(userID))
        var note = device
        note.add(name)
        return try store.read { (connection) throws(PostgresFailure) in
            try connection.send(AccountStatements.device, device)
            try connection.send(TeamStatements.note, note)
            try connection.send(TeamStatements.memberships, user)
            try connection.send(TeamStatements.teammates, user)
            let rows = try connection.sync()
            guard rows.count == 4 else { throw PostgresFailure(kind: .lost, message: "a result is missing.") }
            return Attendance(
                device: rows[0].first.map(Device.init), note: rows[1].first?.bytes(0),
                memberships: rows[2].map(Membership.init), teammates: rows[3].map { $0.name(0) })
        }
    }

    func keepNote(
        _ note: [UInt8], _ name: String, device id: Identifier, of userID: Identifier, isLazy: Bool
    ) throws(StoreError) {
        DeviceNote.check(note, name)
        var row = PostgresAccounts.place(id, userID)
        row.add(name)
        row.add(bytes: note)
        var rest = PostgresAccounts.place(id, userID)
        rest.add(Int64(DeviceNote.countMax))
        let steps = [
            (TeamStatements.lockDevice, PostgresAccounts.place(id, userID)), (TeamStatements.keepNote, row),
            (TeamStatements.dropNotes, rest),
        ]
        _ = try store.sharedStatements.run(steps, isRepeatable: true, isLazy: isLazy)
    }
}
