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
        let tier = Tier(name: row["tier"], deviceLimit: row["device_limit"], recordLimit: row["record_limit"])
        self.init(id: row.identifier("id"), name: row.identifier("name"), email: row["email"], tier: tier)
    }
}

extension Team {
    init(_ row: Row) {
        self.init(id: row.identifier("id"), name: row.identifier("name"))
    }
}

extension Membership {
    init(_ row: Row) {
        // A role of a later program gives nothing that this one knows.
        let role = Role(rawValue: row["role"]) ?? .member
        self.init(teamID: row.identifier("team_id"), userID: row.identifier("user_id"), role: role)
    }
}

extension APIKeyRecord {
    init(_ row: Row) {
        let secretHash: Data = row["secret_hash"]
        let salt: Data? = row["encryption_salt"]
        self.init(
            prefix: row["prefix"], userID: row.identifier("user_id"), secretHash: [UInt8](secretHash),
            label: row["label"], createdAt: row.position("created_at"), revokedAt: row.optionalPosition("revoked_at"),
            encryptionSalt: salt.map { [UInt8]($0) })
    }
}

extension Device {
    init(_ row: Row) {
        self.init(
            userID: row.identifier("user_id"), id: row.identifier("id"), replica: row.identifier("replica"),
            name: row["name"], platform: row["platform"], registeredAt: row.position("registered_at"),
            lastSeenAt: row.position("last_seen_at"), acknowledged: row.optionalPosition("acknowledged"),
            registrationKey: row["registration_key"], connectedUntil: row.optionalPosition("connected_until"),
            clientVersion: row["client_version"])
    }
}
