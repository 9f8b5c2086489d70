public import Causality
internal import Cryptography
public import Storage

/// Users and their keys, as whoever runs a hub manages them: on a running hub's store or a stopped one's.
public struct Accounts: Sendable {
    private let store: any Store

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
    public func createKey(user name: Identifier, label: String) throws(StoreError) -> APIKey {
        let user = try self.user(name)
        let key = APIKey.random()
        try store.accounts.add(
            APIKeyRecord(
                prefix: key.prefix, userID: user.id, secretHash: key.secretHash, label: label,
                createdAt: WallClock.now))
        return key
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

    private func user(_ name: Identifier) throws(StoreError) -> User {
        guard let user = try store.accounts.user(named: name) else {
            throw .refused("there is no user named \(name)")
        }
        return user
    }
}
