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
    /// - Throws: ``StoreError/refused(_:)`` when the name is taken.
    public func addUser(_ name: Identifier) throws(StoreError) -> User {
        // 128 random bits: the id names the space, so it must not be guessable from the name.
        let user = User(id: Identifier(unchecked: "u_" + Digest.hex(Secret.random(count: 16))), name: name)
        try store.accounts.add(user)
        return user
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
