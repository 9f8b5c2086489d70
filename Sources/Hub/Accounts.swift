public import Causality
internal import Cryptography
public import Storage

/// Users and their keys, as whoever runs a hub manages them: on a running hub's store or a stopped one's.
public struct Accounts: Sendable {
    let store: any Store

    public init(store: any Store) {
        self.store = store
    }

    /// Adds a user with a space of its own.
    ///
    /// - Throws: ``StoreError/refused(_:)`` when the name or the email is taken.
    public func addUser(
        _ name: Identifier, email: String = "", tier: Tier = .unlimited
    ) throws(StoreError) -> User {
        let user = User(id: Accounts.newID("u_"), name: name, email: email, tier: tier)
        try store.accounts.add(user)
        return user
    }

    /// 128 random bits: the id names a space, so it must not be guessable from the name.
    static func newID(_ prefix: String) -> Identifier {
        Identifier(unchecked: prefix + Digest.hex(Secret.random(count: 16)))
    }

    /// Gives the user of this id its email and tier; a running hub's sessions hear of it within
    /// ``HubLimits/revocationSeconds``, and its next requests at once.
    ///
    /// - Throws: ``StoreError/refused(_:)`` when another user has the email.
    public func update(_ user: User) throws(StoreError) { try store.accounts.update(user) }

    public func hasPassword(_ user: User) throws(StoreError) -> Bool {
        try store.accounts.passwordHash(of: user.id) != nil
    }

    /// Live records in the user's own space.
    public func recordCount(of user: User) throws(StoreError) -> Int {
        try store.statistics(of: user.space).recordCount
    }

    public func users() throws(StoreError) -> [User] {
        try store.accounts.users()
    }

    /// Makes a key. Its text is to be had only here and now.
    ///
    /// - Throws: ``StoreError/refused(_:)`` when there is no user of that name.
    public func createKey(
        user name: Identifier, label: String, isEncrypted: Bool = false
    ) throws(StoreError) -> APIKey {
        try createKey(of: try user(name), label: label, isEncrypted: isEncrypted).key
    }

    /// As ``createKey(user:label:isEncrypted:)``.
    ///
    /// - Parameter isEncrypted: whether clients that hold it encrypt: they derive their own key from its salt.
    public func createKey(
        of user: User, label: String, isEncrypted: Bool
    ) throws(StoreError) -> (key: APIKey, record: APIKeyRecord) {
        let key = APIKey.random()
        let record = APIKeyRecord(
            prefix: key.prefix, userID: user.id, secretHash: key.secretHash, label: label, createdAt: WallClock.now,
            encryptionSalt: isEncrypted ? Secret.random(count: APIKeyRecord.saltBytes) : nil)
        try store.accounts.add(record)
        return (key, record)
    }

    public func keys(of name: Identifier) throws(StoreError) -> [APIKeyRecord] {
        try store.accounts.keys(of: try user(name).id)
    }

    /// Revokes the key; a running hub ends its sessions within ``HubLimits/revocationSeconds``.
    ///
    /// - Returns: false when there is no key of that prefix.
    public func revokeKey(prefix: String) throws(StoreError) -> Bool {
        try store.accounts.revokeKey(prefix: prefix, at: WallClock.now)
    }

    public func user(_ name: Identifier) throws(StoreError) -> User {
        guard let user = try store.accounts.user(named: name) else {
            throw .refused("there is no user named \(name)")
        }
        return user
    }
}
