internal import Causality
internal import Cryptography
public import Storage

/// Why a password was neither set nor looked at.
public enum PasswordError: Error, Sendable, Equatable {
    /// As many others are being looked at as may be; the same call may succeed in a second.
    case overloaded
    /// It has not 8 to 1,024 bytes, or a zero among them, which scrypt does not tell from the end.
    case form
    case store(StoreError)
}

extension Accounts {
    /// Sets a user's password; nil takes it away, and then none opens anything.
    public func setPassword(_ password: String?, of user: User) throws(PasswordError) {
        var hash: String?
        if let password {
            let isPassword = PasswordHash.passwordBytes.contains(password.utf8.count) && !password.utf8.contains(0)
            guard isPassword else { throw .form }
            hash = PasswordTurns.shared.perform { PasswordHash.text(of: Array(password.utf8)) }
            guard hash != nil else { throw .overloaded }
        }
        try storing { () throws(StoreError) in try store.accounts.setPasswordHash(hash, of: user.id) }
    }

    /// The user of this email or name, and of this password; nil where there is none. Which of the two it lacks is not
    /// to be told from the answer, nor from the time it takes.
    public func login(_ name: String, password: String) throws(PasswordError) -> User? {
        let (user, stored) = try storing { () throws(StoreError) -> (User?, String?) in
            guard let user = try self.user(called: name) else { return (nil, nil) }
            return (user, try store.accounts.passwordHash(of: user.id))
        }
        // A longer one is nobody's, and is not hashed; a shorter one may be of a later rule.
        let bytes = Array(password.utf8.prefix(PasswordHash.passwordBytes.upperBound))
        let verdict = PasswordTurns.shared.perform { PasswordHash.check(bytes, stored ?? PasswordHash.unmatched) }
        guard let verdict else { throw .overloaded }
        guard verdict == .matches, bytes.count == password.utf8.count, !bytes.contains(0) else { return nil }
        return user
    }

    /// By email where somebody has it, else by name.
    private func user(called name: String) throws(StoreError) -> User? {
        guard !name.isEmpty else { return nil }
        if let user = try store.accounts.user(email: name) { return user }
        guard let name = try? Identifier(name) else { return nil }
        return try store.accounts.user(named: name)
    }

    private func storing<Value>(_ body: () throws(StoreError) -> Value) throws(PasswordError) -> Value {
        do throws(StoreError) {
            return try body()
        } catch {
            throw .store(error)
        }
    }
}
