internal import Causality

/// Emails, passwords, teams and notes of a ``MemoryStore``.
extension MemoryAccounts {
    func update(_ user: User) throws(StoreError) {
        try store.locked { (state) throws(StoreError) in
            guard let present = state.users[user.id] else { throw .refused("there is no user \(user.id)") }
            guard state.mayHave(user) else { throw .refused("the email \(user.email) is another user's") }
            state.users[user.id] = User(id: present.id, name: present.name, email: user.email, tier: user.tier)
            if present.tier != user.tier { state.revocations.add(.tier(of: user.id)) }
        }
    }

    func user(email: String) throws(StoreError) -> User? {
        guard !email.isEmpty else { return nil }
        return try store.locked { $0.users.values.first { $0.isOf(email) } }
    }

    func passwordHash(of userID: Identifier) throws(StoreError) -> String? {
        try store.locked { $0.passwordHashes[userID] }
    }

    func setPasswordHash(_ hash: String?, of userID: Identifier) throws(StoreError) {
        try store.locked { (state) throws(StoreError) in
            guard state.users[userID] != nil else { throw .refused("there is no user \(userID)") }
            state.passwordHashes[userID] = hash
        }
    }

    func add(_ team: Team) throws(StoreError) {
        try store.locked { (state) throws(StoreError) in
            guard !state.isTaken(id: team.id, name: team.name) else {
                throw .refused("a user or team of the name \(team.name) or the same id exists")
            }
            state.teams[team.id] = team
        }
    }

    func team(named name: Identifier) throws(StoreError) -> Team? {
        try store.locked { $0.teams.values.first { $0.name == name } }
    }

    func team(id: Identifier) throws(StoreError) -> Team? { try store.locked { $0.teams[id] } }

    func teams() throws(StoreError) -> [Team] { try store.locked { $0.teams.values.sorted { $0.name < $1.name } } }

    func setMember(_ membership: Membership) throws(StoreError) {
        let (team, user) = (membership.teamID, membership.userID)
        try store.locked { (state) throws(StoreError) in
            guard state.teams[team] != nil else { throw .refused("there is no team \(team)") }
            guard state.users[user] != nil else { throw .refused("there is no user \(user)") }
            if state.members[team]?[user] == nil {
                guard state.members[team]?.count ?? 0 < Team.membersMax else { throw Team.full }
                guard state.members.values.count(where: { $0[user] != nil }) < Team.perUserMax else {
                    throw Team.tooMany
                }
                state.revocations.add(.membership(user, team: team))
            }
            state.members[team, default: [:]][user] = membership.role
        }
    }

    func removeMember(_ userID: Identifier, from teamID: Identifier) throws(StoreError) -> Bool {
        try store.locked {
            guard $0.members[teamID]?.removeValue(forKey: userID) != nil else { return false }
            $0.revocations.add(.membership(userID, team: teamID))
            return true
        }
    }

    func members(of teamID: Identifier) throws(StoreError) -> [Membership] {
        try store.locked { $0.memberships(in: teamID) }
    }

    func memberships(of userID: Identifier) throws(StoreError) -> [Membership] {
        try store.locked { state in
            state.members.compactMap { team, members in
                members[userID].map { Membership(teamID: team, userID: userID, role: $0) }
            }.sorted { $0.teamID < $1.teamID }
        }
    }

    func teammates(of userID: Identifier) throws(StoreError) -> [Identifier] {
        try store.locked { state in
            var mates: Set<Identifier> = []
            for members in state.members.values where members[userID] != nil { mates.formUnion(members.keys) }
            mates.remove(userID)
            return mates.sorted()
        }
    }

    func note(_ name: String, device id: Identifier, of userID: Identifier) throws(StoreError) -> [UInt8]? {
        try store.locked { $0.notes[userID]?[id]?.first { $0.name == name }?.note }
    }

    func keepNote(
        _ note: [UInt8], _ name: String, device id: Identifier, of userID: Identifier, isLazy: Bool
    ) throws(StoreError) {
        DeviceNote.check(note, name)
        try store.locked { $0.keep(note, name, device: id, of: userID) }
    }
}

extension MemoryStore.State {
    func memberships(in team: Identifier) -> [Membership] {
        (members[team] ?? [:]).map { Membership(teamID: team, userID: $0.key, role: $0.value) }
            .sorted { $0.userID < $1.userID }
    }

    mutating func keep(_ note: [UInt8], _ name: String, device: Identifier, of user: Identifier) {
        guard devices[user]?[device] != nil else { return }
        var kept = notes[user]?[device] ?? []
        kept.removeAll { $0.name == name }
        kept.append(MemoryStore.HeldNote(name: name, note: note))
        notes[user, default: [:]][device] = Array(kept.suffix(DeviceNote.countMax))
    }
}
