internal import Causality
internal import Foundation
internal import GRDB
internal import Storage

/// Users, keys and devices in SQLite. Seldom called: GRDB's ordinary way.
struct SQLiteAccounts: AccountStore {
    let store: SQLiteStore

    private static let userColumns = "id, name, email, tier, device_limit, record_limit"

    func add(_ user: User) throws(StoreError) {
        let refusal = try writing { database throws -> StoreError? in
            guard try !SQLiteAccounts.isTaken(id: user.id, name: user.name, by: "teams", database) else {
                return .refused("a team of the name \(user.name) or the same id exists")
            }
            if let refusal = try SQLiteAccounts.refusal(ofEmail: user, database) { return refusal }
            try database.execute(
                sql: "INSERT INTO users (\(SQLiteAccounts.userColumns)) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [
                    user.id.text, user.name.text, user.email, user.tier.name, user.tier.deviceLimit,
                    user.tier.recordLimit,
                ])
            return nil
        }
        if let refusal { throw refusal }
    }

    func update(_ user: User) throws(StoreError) {
        let refusal = try writing { database throws -> StoreError? in
            let present = try Row.fetchOne(
                database, sql: "SELECT \(SQLiteAccounts.userColumns) FROM users WHERE id = ?",
                arguments: [user.id.text]
            ).map(User.init)
            guard let present else { return .refused("there is no user \(user.id)") }
            if let refusal = try SQLiteAccounts.refusal(ofEmail: user, database) { return refusal }
            try database.execute(
                sql: "UPDATE users SET email = ?, tier = ?, device_limit = ?, record_limit = ? WHERE id = ?",
                arguments: [
                    user.email, user.tier.name, user.tier.deviceLimit, user.tier.recordLimit, user.id.text,
                ])
            if present.tier != user.tier { try SQLiteAccounts.note(database, userID: user.id.text) }
            return nil
        }
        if let refusal { throw refusal }
    }

    private static func refusal(ofEmail user: User, _ database: Database) throws -> StoreError? {
        let isTaken = try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM users WHERE email = ? AND email <> '' AND id <> ?)",
            arguments: [user.email, user.id.text])
        return isTaken == true ? .refused("the email \(user.email) is another user's") : nil
    }

    func user(named name: Identifier) throws(StoreError) -> User? {
        try rows("SELECT \(SQLiteAccounts.userColumns) FROM users WHERE name = ?", [name.text]).first.map(User.init)
    }

    func user(id: Identifier) throws(StoreError) -> User? {
        try rows("SELECT \(SQLiteAccounts.userColumns) FROM users WHERE id = ?", [id.text]).first.map(User.init)
    }

    func user(email: String) throws(StoreError) -> User? {
        guard !email.isEmpty else { return nil }
        // The condition is the index's own: without it the index is not taken.
        let sql = "SELECT \(SQLiteAccounts.userColumns) FROM users WHERE email = ? AND email <> ''"
        return try rows(sql, [email]).first.map(User.init)
    }

    func users() throws(StoreError) -> [User] {
        try rows("SELECT \(SQLiteAccounts.userColumns) FROM users ORDER BY name", []).map(User.init)
    }

    func passwordHash(of userID: Identifier) throws(StoreError) -> String? {
        try rows("SELECT password_hash FROM users WHERE id = ?", [userID.text]).first?["password_hash"]
    }

    func setPasswordHash(_ hash: String?, of userID: Identifier) throws(StoreError) {
        let count = try execute("UPDATE users SET password_hash = ? WHERE id = ?", [hash, userID.text])
        guard count > 0 else { throw .refused("there is no user \(userID)") }
    }

    func add(_ key: APIKeyRecord) throws(StoreError) {
        try execute(
            """
            INSERT INTO keys (prefix, user_id, secret_hash, label, created_at, revoked_at, encryption_salt)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                key.prefix, key.userID.text, Data(key.secretHash), key.label, key.createdAt.microseconds,
                key.revokedAt?.microseconds, key.encryptionSalt.map { Data($0) },
            ])
    }

    func key(prefix: String) throws(StoreError) -> APIKeyRecord? {
        try rows("SELECT * FROM keys WHERE prefix = ?", [prefix]).first.map(APIKeyRecord.init)
    }

    func keys(of userID: Identifier) throws(StoreError) -> [APIKeyRecord] {
        try rows("SELECT * FROM keys WHERE user_id = ? ORDER BY created_at, prefix", [userID.text])
            .map(APIKeyRecord.init)
    }

    // MARK: - Asking

    func writing<Value>(_ body: @escaping (Database) throws -> Value) throws(StoreError) -> Value {
        do {
            return try store.sharedWrites.write(body)
        } catch {
            throw StoreError(error)
        }
    }

    /// How many rows it changed, durably.
    @discardableResult
    func execute(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws(StoreError) -> Int {
        try writing { database throws in
            try database.cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
            return database.changesCount
        }
    }

    func rows(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws(StoreError) -> [Row] {
        try store.read { try Row.fetchAll(try $0.cachedStatement(sql: sql), arguments: StatementArguments(arguments)) }
    }
}
