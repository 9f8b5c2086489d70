internal import Causality
internal import Foundation
internal import GRDB
internal import Storage

/// Users and what belongs to them, on their way out of a store and into an empty one.
enum KeptAccount {
    /// - Returns: about how many bytes the piece has, where it is large.
    static func insert(_ item: KeptItem, _ database: Database) throws -> Int {
        switch item {
        case .user(let user, let passwordHash):
            try database.cachedStatement(
                sql: "INSERT INTO users (id, name, email, tier, device_limit, record_limit, password_hash) "
                    + "VALUES (?, ?, ?, ?, ?, ?, ?)"
            ).execute(arguments: [
                user.id.text, user.name.text, user.email, user.tier.name, user.tier.deviceLimit,
                user.tier.recordLimit, passwordHash,
            ])
        case .key(let key): try insert(key, database)
        case .device(let device): try insert(device, database)
        case .note(let note, let name, let device, let user):
            try database.cachedStatement(sql: "INSERT INTO notes (user_id, device, name, note) VALUES (?, ?, ?, ?)")
                .execute(arguments: [user.text, device.text, name, Data(note)])
            return note.count
        case .team(let team):
            try database.cachedStatement(sql: "INSERT INTO teams (id, name) VALUES (?, ?)")
                .execute(arguments: [team.id.text, team.name.text])
        case .member(let member):
            try database.cachedStatement(sql: "INSERT INTO members (team_id, user_id, role) VALUES (?, ?, ?)")
                .execute(arguments: [member.teamID.text, member.userID.text, member.role.rawValue])
        default: break
        }
        return 0
    }

    private static func insert(_ key: APIKeyRecord, _ database: Database) throws {
        try database.cachedStatement(
            sql: "INSERT INTO keys (prefix, user_id, secret_hash, label, created_at, revoked_at, encryption_salt) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            key.prefix, key.userID.text, Data(key.secretHash), key.label, key.createdAt.microseconds,
            key.revokedAt?.microseconds, key.encryptionSalt.map { Data($0) },
        ])
    }

    private static func insert(_ device: Device, _ database: Database) throws {
        try database.cachedStatement(
            sql: "INSERT INTO devices (user_id, id, replica, name, platform, registered_at, last_seen_at, "
                + "acknowledged, registration_key, client_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            device.userID.text, device.id.text, device.replica.text, device.name, device.platform,
            device.registeredAt.microseconds, device.lastSeenAt.microseconds, device.acknowledged?.microseconds,
            device.registrationKey, device.clientVersion,
        ])
    }

    /// Whether no team has what is a user's.
    static func check(_ database: Database) throws {
        let taken = try String.fetchOne(
            database,
            sql: """
                SELECT name FROM teams WHERE name IN (SELECT name FROM users) OR id IN (SELECT id FROM users)
                """)
        if let taken { throw StoreError.refused("the name or id of the team \(taken) is a user's") }
    }

    /// User by user along the index, so that a million of them need no memory.
    static func readUsers(_ database: Database, _ body: (KeptItem) throws -> Void) throws {
        var name = ""
        let next = "SELECT * FROM users WHERE name > ? ORDER BY name LIMIT 1"
        while let row = try Row.fetchOne(database, sql: next, arguments: [name]) {
            let user = User(row)
            name = user.name.text
            try body(.user(user, passwordHash: row["password_hash"]))
            let keys = "SELECT * FROM keys WHERE user_id = ? ORDER BY created_at, prefix"
            for row in try Row.fetchAll(database, sql: keys, arguments: [user.id.text]) {
                try body(.key(APIKeyRecord(row)))
            }
            let devices = "SELECT * FROM devices WHERE user_id = ? ORDER BY registered_at, id"
            for row in try Row.fetchAll(database, sql: devices, arguments: [user.id.text]) {
                let device = Device(row)
                try body(.device(device))
                try readNotes(of: device, database, body)
            }
        }
    }

    private static func readNotes(
        of device: Device, _ database: Database, _ body: (KeptItem) throws -> Void
    ) throws {
        let notes = "SELECT name, note FROM notes WHERE user_id = ? AND device = ? ORDER BY number"
        for row in try Row.fetchAll(database, sql: notes, arguments: [device.userID.text, device.id.text]) {
            let note: Data = row["note"]
            try body(.note([UInt8](note), name: row["name"], device: device.id, of: device.userID))
        }
    }

    static func readTeams(_ database: Database, _ body: (KeptItem) throws -> Void) throws {
        var name = ""
        let next = "SELECT id, name FROM teams WHERE name > ? ORDER BY name LIMIT 1"
        while let team = try Row.fetchOne(database, sql: next, arguments: [name]).map(Team.init) {
            name = team.name.text
            try body(.team(team))
            let members = "SELECT * FROM members WHERE team_id = ? ORDER BY user_id"
            for row in try Row.fetchAll(database, sql: members, arguments: [team.id.text]) {
                try body(.member(Membership(row)))
            }
        }
    }
}
