internal import Causality
internal import Foundation
internal import GRDB
internal import Storage

/// Devices of users.
extension SQLiteAccounts {
    func register(_ device: Device) throws(StoreError) {
        try writing { database throws in try SQLiteAccounts.write(device, database) }
    }

    func registerOnce(_ device: Device) throws(StoreError) -> Device { try registerOnce(device, devicesMax: nil) }

    func registerOnce(_ device: Device, devicesMax: Int?) throws(StoreError) -> Device {
        let outcome = try writing { database throws -> Result<Device, StoreError> in
            let present = try Row.fetchOne(
                database, sql: "SELECT * FROM devices WHERE user_id = ? AND id = ?",
                arguments: [device.userID.text, device.id.text]
            ).map(Device.init)
            if let present, let key = present.registrationKey, key == device.registrationKey {
                return .success(present)
            }
            if let devicesMax, present == nil {
                let count = try Int.fetchOne(
                    database, sql: "SELECT count(*) FROM devices WHERE user_id = ?", arguments: [device.userID.text])
                guard let count, count < devicesMax else {
                    return .failure(.limitReached("the user has \(count ?? 0) devices, of at most \(devicesMax)"))
                }
            }
            try SQLiteAccounts.write(device, database)
            var registered = device
            registered.acknowledged = nil
            registered.connectedUntil = nil
            return .success(registered)
        }
        return try outcome.get()
    }

    private static func write(_ device: Device, _ database: Database) throws {
        try database.cachedStatement(sql: registration).execute(arguments: [
            device.userID.text, device.id.text, device.replica.text, device.name, device.platform,
            device.registeredAt.microseconds, device.lastSeenAt.microseconds, device.registrationKey,
            device.clientVersion,
        ])
        try database.cachedStatement(sql: "DELETE FROM notes WHERE user_id = ? AND device = ?")
            .execute(arguments: [device.userID.text, device.id.text])
    }

    private static let registration = """
        INSERT INTO devices (
            user_id, id, replica, name, platform, registered_at, last_seen_at, registration_key, client_version)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (user_id, id) DO UPDATE SET replica = excluded.replica, name = excluded.name,
            platform = excluded.platform, registered_at = excluded.registered_at,
            last_seen_at = excluded.last_seen_at, registration_key = excluded.registration_key,
            client_version = excluded.client_version, acknowledged = NULL, connected_until = NULL
        """

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
        try writing { database throws in
            let statement = try database.cachedStatement(
                sql: "UPDATE devices SET connected_until = ? WHERE user_id = ? AND id = ?")
            for presence in presences {
                try statement.execute(arguments: [
                    presence.until?.microseconds, presence.userID.text, presence.device.text,
                ])
            }
        }
    }

    // MARK: Notes

    func note(_ name: String, device id: Identifier, of userID: Identifier) throws(StoreError) -> [UInt8]? {
        let row = try rows(
            "SELECT note FROM notes WHERE user_id = ? AND device = ? AND name = ?", [userID.text, id.text, name]
        ).first
        let note: Data? = row?["note"]
        return note.map { [UInt8]($0) }
    }

    func keepNote(
        _ note: [UInt8], _ name: String, device id: Identifier, of userID: Identifier, isLazy: Bool
    ) throws(StoreError) {
        DeviceNote.check(note, name)
        try writing { database throws in
            try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO notes (user_id, device, name, note)
                    SELECT user_id, id, ?, ? FROM devices WHERE user_id = ? AND id = ?
                    """
            ).execute(arguments: [name, Data(note), userID.text, id.text])
            try database.cachedStatement(
                sql: """
                    DELETE FROM notes WHERE user_id = ?1 AND device = ?2 AND number IN (
                        SELECT number FROM notes WHERE user_id = ?1 AND device = ?2
                        ORDER BY number DESC LIMIT -1 OFFSET ?3)
                    """
            ).execute(arguments: [userID.text, id.text, DeviceNote.countMax])
        }
    }
}
