internal import Causality
internal import Foundation
internal import GRDB
internal import Storage

/// Users, keys and devices in SQLite. Seldom called: GRDB's ordinary way.
struct SQLiteAccounts: AccountStore {
    let store: SQLiteStore

    func add(_ user: User) throws(StoreError) {
        try execute("INSERT INTO users (id, name) VALUES (?, ?)", [user.id.text, user.name.text])
    }

    func user(named name: Identifier) throws(StoreError) -> User? {
        try rows("SELECT id, name FROM users WHERE name = ?", [name.text]).first.map(User.init)
    }

    func user(id: Identifier) throws(StoreError) -> User? {
        try rows("SELECT id, name FROM users WHERE id = ?", [id.text]).first.map(User.init)
    }

    func users() throws(StoreError) -> [User] {
        try rows("SELECT id, name FROM users ORDER BY name", []).map(User.init)
    }

    func add(_ key: APIKeyRecord) throws(StoreError) {
        try execute(
            "INSERT INTO keys (prefix, user_id, secret_hash, label, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?)",
            [
                key.prefix, key.userID.text, Data(key.secretHash), key.label, key.createdAt.microseconds,
                key.revokedAt?.microseconds,
            ])
    }

    func key(prefix: String) throws(StoreError) -> APIKeyRecord? {
        try rows("SELECT * FROM keys WHERE prefix = ?", [prefix]).first.map(APIKeyRecord.init)
    }

    func keys(of userID: Identifier) throws(StoreError) -> [APIKeyRecord] {
        try rows("SELECT * FROM keys WHERE user_id = ? ORDER BY created_at, prefix", [userID.text])
            .map(APIKeyRecord.init)
    }

    func register(_ device: Device) throws(StoreError) {
        try execute(SQLiteAccounts.registration, SQLiteAccounts.arguments(device))
    }

    func registerOnce(_ device: Device) throws(StoreError) -> Device {
        do {
            return try store.sharedWrites.write { database in
                let present = try Row.fetchOne(
                    database, sql: "SELECT * FROM devices WHERE user_id = ? AND id = ?",
                    arguments: [device.userID.text, device.id.text]
                ).map(Device.init)
                if let present, let key = present.registrationKey, key == device.registrationKey { return present }
                try database.cachedStatement(sql: SQLiteAccounts.registration)
                    .execute(arguments: StatementArguments(SQLiteAccounts.arguments(device)))
                var registered = device
                registered.acknowledged = nil
                registered.connectedUntil = nil
                return registered
            }
        } catch {
            throw StoreError(error)
        }
    }

    private static let registration = """
        INSERT INTO devices (user_id, id, replica, name, platform, registered_at, last_seen_at, registration_key)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (user_id, id) DO UPDATE SET replica = excluded.replica, name = excluded.name,
            platform = excluded.platform, registered_at = excluded.registered_at,
            last_seen_at = excluded.last_seen_at, registration_key = excluded.registration_key, acknowledged = NULL,
            connected_until = NULL
        """

    private static func arguments(_ device: Device) -> [(any DatabaseValueConvertible)?] {
        [
            device.userID.text, device.id.text, device.replica.text, device.name, device.platform,
            device.registeredAt.microseconds, device.lastSeenAt.microseconds, device.registrationKey,
        ]
    }

    func device(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Device? {
        try rows("SELECT * FROM devices WHERE user_id = ? AND id = ?", [userID.text, id.text]).first.map(Device.init)
    }

    func devices(of userID: Identifier) throws(StoreError) -> [Device] {
        try rows("SELECT * FROM devices WHERE user_id = ? ORDER BY registered_at, id", [userID.text])
            .map(Device.init)
    }

    func acknowledge(
        _ position: Position, device id: Identifier, of userID: Identifier, at time: Position
    ) throws(StoreError) {
        try execute(
            """
            UPDATE devices SET acknowledged = max(ifnull(acknowledged, 0), ?), last_seen_at = max(last_seen_at, ?)
            WHERE user_id = ? AND id = ?
            """, [position.microseconds, time.microseconds, userID.text, id.text])
    }

    func note(_ presences: [Presence]) throws(StoreError) {
        guard !presences.isEmpty else { return }
        do {
            try store.sharedWrites.write { database in
                let statement = try database.cachedStatement(
                    sql: "UPDATE devices SET connected_until = ? WHERE user_id = ? AND id = ?")
                for presence in presences {
                    try statement.execute(arguments: [
                        presence.until?.microseconds, presence.userID.text, presence.device.text,
                    ])
                }
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// How many rows it changed, durably.
    @discardableResult
    private func execute(
        _ sql: String, _ arguments: [(any DatabaseValueConvertible)?]
    ) throws(StoreError) -> Int {
        do {
            return try store.sharedWrites.write { database in
                try database.cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
                return database.changesCount
            }
        } catch {
            throw StoreError(error)
        }
    }

    func rows(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws(StoreError) -> [Row] {
        try store.read { try Row.fetchAll($0, sql: sql, arguments: StatementArguments(arguments)) }
    }
}
