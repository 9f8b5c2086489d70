public import Causality

/// Somebody whose devices hold the same records.
public struct User: Sendable, Equatable {
    /// Random, never reused; names the user's own space, so it is not guessable from the user's name.
    public let id: Identifier
    public let name: Identifier

    public init(id: Identifier, name: Identifier) {
        self.id = id
        self.name = name
    }

    /// The space of the user's own records.
    public var space: Identifier { id }
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

    public init(
        prefix: String, userID: Identifier, secretHash: [UInt8], label: String, createdAt: Position,
        revokedAt: Position? = nil
    ) {
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

    public init(
        userID: Identifier, id: Identifier, replica: Identifier, name: String, platform: String,
        registeredAt: Position, lastSeenAt: Position, acknowledged: Position? = nil, registrationKey: String? = nil,
        connectedUntil: Position? = nil
    ) {
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

/// Users, keys and devices. Each call is atomic and durable by itself. No call reaches another user's devices.
public protocol AccountStore: Sendable {
    /// - Throws: ``StoreError/refused(_:)`` when the name or id is taken.
    func add(_ user: User) throws(StoreError)
    func user(named name: Identifier) throws(StoreError) -> User?
    func user(id: Identifier) throws(StoreError) -> User?
    /// All users by name.
    func users() throws(StoreError) -> [User]

    /// - Throws: ``StoreError/refused(_:)`` when the prefix is taken or the user does not exist.
    func add(_ key: APIKeyRecord) throws(StoreError)
    /// The key, revoked or not.
    func key(prefix: String) throws(StoreError) -> APIKeyRecord?
    /// A user's keys, oldest first.
    func keys(of userID: Identifier) throws(StoreError) -> [APIKeyRecord]
    /// Marks a key as revoked; false when there is none of that prefix. A second revocation changes nothing.
    func revokeKey(prefix: String, at time: Position) throws(StoreError) -> Bool
    /// What was taken back after `mark`, in the order of the commits: keys that were revoked for the first time, and
    /// devices that were removed. Nil: nothing, only today's mark. A mark of another life of the store is told as
    /// incomplete.
    func revocations(after mark: Int64?) throws(StoreError) -> RevocationPage

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
