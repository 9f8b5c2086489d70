public import Causality

/// Somebody whose devices hold the same records.
public struct User: Sendable, Equatable {
    /// Random, never reused; names the user's own space, so it is not guessable from the user's name.
    public let id: Identifier
    public let name: Identifier
    /// Empty where none is known. At most one user of an address, compared by bytes.
    public var email: String
    public var tier: Tier

    public init(id: Identifier, name: Identifier, email: String = "", tier: Tier = .unlimited) {
        self.id = id
        self.name = name
        self.email = email
        self.tier = tier
    }

    /// The space of the user's own records.
    public var space: Identifier { id }
}

/// What a user may have.
public struct Tier: Sendable, Equatable {
    /// For people: shown in sentences, and to clients that ask.
    public var name: String
    /// Devices at once, and live records in the user's own space; -1: any number.
    public var deviceLimit: Int
    public var recordLimit: Int

    public init(name: String, deviceLimit: Int, recordLimit: Int) {
        self.name = name
        self.deviceLimit = deviceLimit
        self.recordLimit = recordLimit
    }

    /// As the store and the journal are asked: nil for any number.
    public var devicesMax: Int? { deviceLimit < 0 ? nil : deviceLimit }
    public var recordsMax: Int? { recordLimit < 0 ? nil : recordLimit }

    public static let unlimited = Tier(name: "unlimited", deviceLimit: -1, recordLimit: -1)
}

/// An API key as the store knows it: the secret itself is nowhere but with its holder.
public struct APIKeyRecord: Sendable, Equatable {
    /// The visible part, unique: what people see in lists and logs.
    public let prefix: String
    public let userID: Identifier
    /// SHA-256 of the secret part, 32 bytes.
    public let secretHash: [UInt8]
    public let label: String
    public let createdAt: Position
    public var revokedAt: Position?
    /// What clients that encrypt derive their key from, 32 bytes; nil where they do not. No secret of theirs, and the
    /// hub can read nothing with it.
    public let encryptionSalt: [UInt8]?

    /// Of a salt.
    public static let saltBytes = 32

    public init(
        prefix: String, userID: Identifier, secretHash: [UInt8], label: String, createdAt: Position,
        revokedAt: Position? = nil, encryptionSalt: [UInt8]? = nil
    ) {
        self.encryptionSalt = encryptionSalt
        self.prefix = prefix
        self.userID = userID
        self.secretHash = secretHash
        self.label = label
        self.createdAt = createdAt
        self.revokedAt = revokedAt
    }
}

/// A device of a user. The same id under two users is two devices.
public struct Device: Sendable, Equatable {
    public let userID: Identifier
    public let id: Identifier
    /// The device's name in vector clocks: another one after each registration, so that a wiped or cloned device
    /// never counts on under a name whose counter it forgot.
    public var replica: Identifier
    public var name: String
    public var platform: String
    public var registeredAt: Position
    public var lastSeenAt: Position
    /// What it has confirmed to hold; nil before its first acknowledgement.
    public var acknowledged: Position?
    /// What the registration was asked under, so that asking again under it finds the same one.
    public var registrationKey: String?
    /// Until when it counts as connected (see ``Presence``); nil where it is not. A registration anew clears it.
    public var connectedUntil: Position?

    /// What the program on it says of itself; empty where it says nothing.
    public var clientVersion: String

    public init(
        userID: Identifier, id: Identifier, replica: Identifier, name: String, platform: String,
        registeredAt: Position, lastSeenAt: Position, acknowledged: Position? = nil, registrationKey: String? = nil,
        connectedUntil: Position? = nil, clientVersion: String = ""
    ) {
        self.clientVersion = clientVersion
        self.userID = userID
        self.id = id
        self.replica = replica
        self.name = name
        self.platform = platform
        self.registeredAt = registeredAt
        self.lastSeenAt = lastSeenAt
        self.acknowledged = acknowledged
        self.registrationKey = registrationKey
        self.connectedUntil = connectedUntil
    }
}

/// Users, teams, keys and devices. Each call is atomic and durable by itself. No call reaches another user's devices.
public protocol AccountStore: Sendable {
    /// - Throws: ``StoreError/refused(_:)`` when the name, the id or the email is taken, name and id also by a team.
    func add(_ user: User) throws(StoreError)
    func user(named name: Identifier) throws(StoreError) -> User?
    func user(id: Identifier) throws(StoreError) -> User?
    /// All users by name.
    func users() throws(StoreError) -> [User]

    /// - Throws: ``StoreError/refused(_:)`` when the prefix is taken or the user does not exist.
    func add(_ key: APIKeyRecord) throws(StoreError)
    /// The key, revoked or not.
    func key(prefix: String) throws(StoreError) -> APIKeyRecord?
    /// The key, revoked or not, and whose it is, in one round trip: it is asked with every request.
    func holder(prefix: String) throws(StoreError) -> KeyHolder?
    /// A user's keys, oldest first.
    func keys(of userID: Identifier) throws(StoreError) -> [APIKeyRecord]
    /// Marks a key as revoked; false when there is none of that prefix. A second revocation changes nothing.
    func revokeKey(prefix: String, at time: Position) throws(StoreError) -> Bool
    /// What was taken back after `mark`, in the order of the commits: keys that were revoked for the first time,
    /// devices that were removed, users who came into a team or left one, and tiers that changed. Nil: nothing, only today's mark. A mark of another life of the store is told as
    /// incomplete.
    func revocations(after mark: Int64?) throws(StoreError) -> RevocationPage

    /// Sets a user's email and tier; another tier is told by ``revocations(after:)``. The name stays.
    /// - Throws: ``StoreError/refused(_:)`` when there is no such user or another one has the email.
    func update(_ user: User) throws(StoreError)
    /// Nil for an empty one.
    func user(email: String) throws(StoreError) -> User?
    /// The hash of the user's password in PHC form; nil: there is none, and no password opens anything.
    func passwordHash(of userID: Identifier) throws(StoreError) -> String?
    /// - Throws: ``StoreError/refused(_:)`` when there is no such user.
    func setPasswordHash(_ hash: String?, of userID: Identifier) throws(StoreError)

    /// - Throws: ``StoreError/refused(_:)`` when the name or id is taken, also by a user.
    func add(_ team: Team) throws(StoreError)
    func team(named name: Identifier) throws(StoreError) -> Team?
    func team(id: Identifier) throws(StoreError) -> Team?
    /// All teams by name.
    func teams() throws(StoreError) -> [Team]
    /// Makes the user a member, which ``revocations(after:)`` tells, or gives them another role.
    /// - Throws: ``StoreError/refused(_:)`` when there is no such team or user, and past ``Team/membersMax`` members or
    ///   ``Team/perUserMax`` teams.
    func setMember(_ membership: Membership) throws(StoreError)
    /// False when the user was no member. Told by ``revocations(after:)``, for sessions in the team's space end by it.
    func removeMember(_ userID: Identifier, from teamID: Identifier) throws(StoreError) -> Bool
    /// A team's members by user id.
    func members(of teamID: Identifier) throws(StoreError) -> [Membership]
    /// A user's memberships by team id.
    func memberships(of userID: Identifier) throws(StoreError) -> [Membership]
    /// The users who are in a team with this one, without them, by id, each once.
    func teammates(of userID: Identifier) throws(StoreError) -> [Identifier]

    /// What is kept of a device under `name`, for those who speak another protocol with it; nil where nothing is.
    func note(_ name: String, device id: Identifier, of userID: Identifier) throws(StoreError) -> [UInt8]?
    /// The device, its note of `name`, and its user's teams, in one round trip: most requests of a device begin with it.
    func attendance(
        of id: Identifier, _ userID: Identifier, note name: String
    ) throws(StoreError) -> Attendance
    /// Keeps it in place of an earlier one. Nothing happens where there is no such device. Gone with the device, and
    /// with its registration anew. Of more than ``DeviceNote/countMax`` the one that was kept longest goes.
    /// - Parameter isLazy: whether it need not be on the disk: where the store's machine dies in the next moment, the note
    ///   before is there, or none.
    /// - Precondition: the name has 1 to 128 bytes, the note at most ``DeviceNote/bytesMax``.
    func keepNote(
        _ note: [UInt8], _ name: String, device id: Identifier, of userID: Identifier, isLazy: Bool
    ) throws(StoreError)

    /// As ``registerOnce(_:)``; a device that is not there yet is refused where the user has `devicesMax` already, all
    /// in one transaction: of two that come together for one place, one is refused. Nil: any number.
    /// - Throws: ``StoreError/limitReached(_:)``, and as ``register(_:)``.
    func registerOnce(_ device: Device, devicesMax: Int?) throws(StoreError) -> Device

    /// Adds the device, or replaces all of the one that is there: a registration anew. Its acknowledged position and
    /// its presence are forgotten, and `device.acknowledged` and `device.connectedUntil` ignored.
    /// - Throws: ``StoreError/refused(_:)`` when the user does not exist.
    func register(_ device: Device) throws(StoreError)
    /// As ``register(_:)``, unless the device's present registration has the same ``Device/registrationKey``, which is
    /// not nil: then nothing changes. Returns what is registered.
    func registerOnce(_ device: Device) throws(StoreError) -> Device
    /// Removes the device; false when there is none. What it wrote stays.
    func removeDevice(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Bool
    func device(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Device?
    /// A user's devices, oldest registration first.
    func devices(of userID: Identifier) throws(StoreError) -> [Device]
    /// Notes that the device holds everything up to `position` and was seen at `time`; neither moves back. Nothing
    /// happens where there is no such device.
    func acknowledge(
        _ position: Position, device id: Identifier, of userID: Identifier, at time: Position
    ) throws(StoreError)
    /// Notes whether devices are connected. A device that is not registered is passed over.
    ///
    /// - Precondition: at most ``Presence/countMax`` at once.
    func note(_ presences: [Presence]) throws(StoreError)
}

/// A key, and whose it is.
public struct KeyHolder: Sendable, Equatable {
    public let key: APIKeyRecord
    public let user: User

    public init(key: APIKeyRecord, user: User) {
        self.key = key
        self.user = user
    }
}

extension AccountStore {
    public func holder(prefix: String) throws(StoreError) -> KeyHolder? {
        guard let key = try key(prefix: prefix), let user = try user(id: key.userID) else { return nil }
        return KeyHolder(key: key, user: user)
    }

    public func keepNote(
        _ note: [UInt8], _ name: String, device id: Identifier, of userID: Identifier
    ) throws(StoreError) {
        try keepNote(note, name, device: id, of: userID, isLazy: false)
    }
}
