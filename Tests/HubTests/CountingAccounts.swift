import Causality
import Storage

/// Accounts of another store, with the reads that are asked of them counted.
struct CountingAccounts: AccountStore {
    let base: any AccountStore
    let counted: @Sendable () -> Void

    func add(_ user: User) throws(StoreError) {
        return try base.add(user)
    }
    func user(named name: Identifier) throws(StoreError) -> User? {
        counted()
        return try base.user(named: name)
    }
    func user(id: Identifier) throws(StoreError) -> User? {
        counted()
        return try base.user(id: id)
    }
    func users() throws(StoreError) -> [User] {
        counted()
        return try base.users()
    }
    func add(_ key: APIKeyRecord) throws(StoreError) {
        return try base.add(key)
    }
    func key(prefix: String) throws(StoreError) -> APIKeyRecord? {
        counted()
        return try base.key(prefix: prefix)
    }
    func holder(prefix: String) throws(StoreError) -> KeyHolder? {
        counted()
        return try base.holder(prefix: prefix)
    }
    func keys(of userID: Identifier) throws(StoreError) -> [APIKeyRecord] {
        counted()
        return try base.keys(of: userID)
    }
    func revokeKey(prefix: String, at time: Position) throws(StoreError) -> Bool {
        return try base.revokeKey(prefix: prefix, at: time)
    }
    func revocations(after mark: Int64?) throws(StoreError) -> RevocationPage {
        return try base.revocations(after: mark)
    }
    func update(_ user: User) throws(StoreError) {
        return try base.update(user)
    }
    func user(email: String) throws(StoreError) -> User? {
        counted()
        return try base.user(email: email)
    }
    func passwordHash(of userID: Identifier) throws(StoreError) -> String? {
        counted()
        return try base.passwordHash(of: userID)
    }
    func setPasswordHash(_ hash: String?, of userID: Identifier) throws(StoreError) {
        return try base.setPasswordHash(hash, of: userID)
    }
    func add(_ team: Team) throws(StoreError) {
        return try base.add(team)
    }
    func team(named name: Identifier) throws(StoreError) -> Team? {
        counted()
        return try base.team(named: name)
    }
    func team(id: Identifier) throws(StoreError) -> Team? {
        counted()
        return try base.team(id: id)
    }
    func teams() throws(StoreError) -> [Team] {
        counted()
        return try base.teams()
    }
    func setMember(_ membership: Membership) throws(StoreError) {
        return try base.setMember(membership)
    }
    func removeMember(_ userID: Identifier, from teamID: Identifier) throws(StoreError) -> Bool {
        return try base.removeMember(userID, from: teamID)
    }
    func members(of teamID: Identifier) throws(StoreError) -> [Membership] {
        counted()
        return try base.members(of: teamID)
    }
    func memberships(of userID: Identifier) throws(StoreError) -> [Membership] {
        counted()
        return try base.memberships(of: userID)
    }
    func teammates(of userID: Identifier) throws(StoreError) -> [Identifier] {
        counted()
        return try base.teammates(of: userID)
    }
    func note(_ name: String, device id: Identifier, of userID: Identifier) throws(StoreError) -> [UInt8]? {
        return try base.note(name, device: id, of: userID)
    }
    func attendance(of id: Identifier, _ userID: Identifier, note name: String) throws(StoreError) -> Attendance {
        return try base.attendance(of: id, userID, note: name)
    }
    func keepNote(_ note: [UInt8], _ name: String, device id: Identifier, of userID: Identifier, isLazy: Bool)
        throws(StoreError)
    {
        return try base.keepNote(note, name, device: id, of: userID, isLazy: isLazy)
    }
    func registerOnce(_ device: Device, devicesMax: Int?) throws(StoreError) -> Device {
        return try base.registerOnce(device, devicesMax: devicesMax)
    }
    func register(_ device: Device) throws(StoreError) {
        return try base.register(device)
    }
    func registerOnce(_ device: Device) throws(StoreError) -> Device {
        return try base.registerOnce(device)
    }
    func removeDevice(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Bool {
        return try base.removeDevice(id, of: userID)
    }
    func device(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Device? {
        counted()
        return try base.device(id, of: userID)
    }
    func devices(of userID: Identifier) throws(StoreError) -> [Device] {
        counted()
        return try base.devices(of: userID)
    }
    func acknowledge(_ position: Position, device id: Identifier, of userID: Identifier, at time: Position)
        throws(StoreError)
    {
        return try base.acknowledge(position, device: id, of: userID, at: time)
    }
    func note(_ presences: [Presence]) throws(StoreError) {
        return try base.note(presences)
    }
}
