internal import Causality
internal import Foundation
internal import GRDB
internal import Storage

extension Row {
    fileprivate func identifier(_ column: String) -> Identifier {
        Identifier(unchecked: self[column])
    }

    fileprivate func position(_ column: String) -> Position {
        Position(self[column])
    }

    fileprivate func optionalPosition(_ column: String) -> Position? {
        let microseconds: Int64? = self[column]
        return microseconds.map { Position($0) }
    }
}

extension User {
    init(_ row: Row) {
        self.init(id: row.identifier("id"), name: row.identifier("name"))
    }
}

extension APIKeyRecord {
    init(_ row: Row) {
        let secretHash: Data = row["secret_hash"]
        self.init(
            prefix: row["prefix"], userID: row.identifier("user_id"), secretHash: [UInt8](secretHash),
            label: row["label"], createdAt: row.position("created_at"), revokedAt: row.optionalPosition("revoked_at"))
    }
}

extension Device {
    init(_ row: Row) {
        self.init(
            userID: row.identifier("user_id"), id: row.identifier("id"), replica: row.identifier("replica"),
            name: row["name"], platform: row["platform"], registeredAt: row.position("registered_at"),
            lastSeenAt: row.position("last_seen_at"), acknowledged: row.optionalPosition("acknowledged"),
            registrationKey: row["registration_key"], connectedUntil: row.optionalPosition("connected_until"))
    }
}
