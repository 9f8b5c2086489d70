public import Causality
public import Storage

/// Teams and devices, as whoever runs a hub manages them.
extension Accounts {
    /// Adds a team with a space of its own and nobody in it.
    ///
    /// - Throws: ``StoreError/refused(_:)`` when the name is a team's or a user's.
    public func addTeam(_ name: Identifier) throws(StoreError) -> Team {
        let team = Team(id: Accounts.newID("t_"), name: name)
        try store.accounts.add(team)
        return team
    }

    public func teams() throws(StoreError) -> [Team] { try store.accounts.teams() }

    /// A team's members by name.
    public func members(of name: Identifier) throws(StoreError) -> [(user: User, role: Membership.Role)] {
        var members: [(user: User, role: Membership.Role)] = []
        for membership in try store.accounts.members(of: try team(name).id) {
            guard let user = try store.accounts.user(id: membership.userID) else { continue }
            members.append((user, membership.role))
        }
        return members.sorted { $0.user.name < $1.user.name }
    }

    /// A user's teams by name.
    public func teams(of user: User) throws(StoreError) -> [(team: Team, role: Membership.Role)] {
        var teams: [(team: Team, role: Membership.Role)] = []
        for membership in try store.accounts.memberships(of: user.id) {
            guard let team = try store.accounts.team(id: membership.teamID) else { continue }
            teams.append((team, membership.role))
        }
        return teams.sorted { $0.team.name < $1.team.name }
    }

    /// Makes the user a member, or gives them another role.
    ///
    /// - Throws: ``StoreError/refused(_:)`` when there is no such user or team, or either is full.
    public func join(
        _ name: Identifier, user userName: Identifier, role: Membership.Role = .member
    ) throws(StoreError) {
        let (team, user) = (try team(name), try user(userName))
        try store.accounts.setMember(Membership(teamID: team.id, userID: user.id, role: role))
    }

    /// False when the user was no member. A running hub hears of it within ``HubLimits/revocationSeconds``.
    public func leave(_ name: Identifier, user userName: Identifier) throws(StoreError) -> Bool {
        let (team, user) = (try team(name), try user(userName))
        return try store.accounts.removeMember(user.id, from: team.id)
    }

    private func team(_ name: Identifier) throws(StoreError) -> Team {
        guard let team = try store.accounts.team(named: name) else { throw .refused("there is no team named \(name)") }
        return team
    }

    // MARK: Devices

    public func devices(of user: User) throws(StoreError) -> [Device] { try store.accounts.devices(of: user.id) }

    /// Registers a device, anew where it is there.
    ///
    /// - Throws: ``StoreError/limitReached(_:)`` where it is new and one more than the user's tier allows.
    public func register(
        _ device: Identifier, of user: User, platform: String = ""
    ) throws(StoreError) -> Device {
        try Authenticator(store: store).register(device, of: user, name: device.text, platform: platform)
    }

    /// False when there is none. A running hub ends its sessions within ``HubLimits/revocationSeconds``.
    public func removeDevice(_ device: Identifier, of user: User) throws(StoreError) -> Bool {
        try store.accounts.removeDevice(device, of: user.id)
    }
}
