public import Causality
internal import Cryptography
public import Storage
internal import Wire

/// What dialects do for the users themselves: logins, keys and devices. Blocking.
extension DialectDesk {
    /// The user of this email or name, and of this password; nil where there is none.
    ///
    /// - Throws: ``DialectError/overloaded(retryAfterMs:)`` where many log in at once, or this one has failed too often.
    public func login(name: String, password: String) throws(DialectError) -> User? {
        // As long as a name may be: no longer one is anybody's, and none fills the table.
        let account = String(decoding: name.lowercased().utf8.prefix(Identifier.bytesMax), as: UTF8.self)
        if let pause = core.logins.wait(account: account, from: address) {
            core.count(.loginRate, asker?.logMetadata ?? [:])
            throw .overloaded(retryAfterMs: pause)
        }
        do throws(PasswordError) {
            let user = try Accounts(store: store).login(name, password: password)
            if user == nil {
                core.logins.failed(account: account, from: address)
            } else {
                core.logins.succeeded(account: account, from: address)
            }
            return user
        } catch {
            switch error {
            case .overloaded: throw .overloaded(retryAfterMs: 1_000)
            case .form: return nil
            case .store(let error): return try reading { () throws(StoreError) in throw error }
            }
        }
    }

    /// Makes a key. Its text is to be had only here and now.
    ///
    /// - Parameter isEncrypted: whether clients that hold it encrypt: they derive their own key from its salt.
    /// - Throws: ``DialectError/forbidden(_:)`` where the user has ``HubLimits/keysPerUserMax``, revoked ones among them.
    public func createKey(
        for user: User, label: String, encrypted isEncrypted: Bool = false
    ) throws(DialectError) -> (key: APIKey, record: APIKeyRecord) {
        // Of those who come at once some may pass: as many as the hub answers at once.
        guard try keys(of: user).count < core.limits.keysPerUserMax else {
            throw .forbidden(
                "\(user.name) has had \(core.limits.keysPerUserMax) keys, as many as may be made here: whoever runs the "
                    + "hub makes more")
        }
        return try reading { () throws(StoreError) in
            try Accounts(store: store).createKey(of: user, label: label, isEncrypted: isEncrypted)
        }
    }

    /// A user's keys, oldest first, revoked ones too.
    public func keys(of user: User) throws(DialectError) -> [APIKeyRecord] {
        try reading { () throws(StoreError) in try store.accounts.keys(of: user.id) }
    }

    /// Revokes a key of the user and ends what it has open here; false where the user has none of that prefix.
    public func revokeKey(_ prefix: String, of user: User) throws(DialectError) -> Bool {
        let isRevoked = try reading { () throws(StoreError) in
            guard try store.accounts.key(prefix: prefix)?.userID == user.id else { return false }
            return try store.accounts.revokeKey(prefix: prefix, at: now)
        }
        if isRevoked { core.endSessions(ofKey: prefix) }
        return isRevoked
    }

    /// Removes a device of the user and ends what it has open; false where there is none.
    public func removeDevice(_ id: Identifier, of user: User) throws(DialectError) -> Bool {
        let isRemoved = try reading { () throws(StoreError) in
            try store.accounts.removeDevice(id, of: user.id)
        }
        if isRemoved { core.endSessions(of: id, user.id) }
        return isRemoved
    }
}
