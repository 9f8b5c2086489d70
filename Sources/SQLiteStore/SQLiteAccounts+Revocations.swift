internal import Causality
internal import GRDB
internal import Storage

/// Keys and devices that are taken back, and what else hubs have to hear of: the mark and what it says are one transaction.
extension SQLiteAccounts {
    func revokeKey(prefix: String, at time: Position) throws(StoreError) -> Bool {
        do {
            return try store.sharedWrites.write { database in
                try database.execute(
                    sql: "UPDATE keys SET revoked_at = ? WHERE prefix = ? AND revoked_at IS NULL",
                    arguments: [time.microseconds, prefix])
                if database.changesCount > 0 {
                    try SQLiteAccounts.note(database, prefix: prefix)
                    return true
                }
                return try Bool.fetchOne(
                    database, sql: "SELECT EXISTS (SELECT 1 FROM keys WHERE prefix = ?)", arguments: [prefix]) ?? false
            }
        } catch {
            throw StoreError(error)
        }
    }

    func removeDevice(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Bool {
        do {
            return try store.sharedWrites.write { database in
                try database.execute(
                    sql: "DELETE FROM devices WHERE user_id = ? AND id = ?", arguments: [userID.text, id.text])
                guard database.changesCount > 0 else { return false }
                try SQLiteAccounts.note(database, device: id.text, userID: userID.text)
                return true
            }
        } catch {
            throw StoreError(error)
        }
    }

    func revocations(after asked: Int64?) throws(StoreError) -> RevocationPage {
        try store.read { database in
            let row = try Row.fetchOne(
                database,
                sql: "SELECT ifnull(max(number), 0) AS mark, ifnull(min(number), 1) AS oldest FROM revocations")
            let mark: Int64 = row?["mark"] ?? 0
            let oldest: Int64 = row?["oldest"] ?? 1
            guard let asked else { return RevocationPage(revocations: [], mark: mark) }
            let isIncomplete = asked < oldest - 1 || asked > mark
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM revocations WHERE number > ? ORDER BY number",
                arguments: [isIncomplete ? 0 : asked])
            return RevocationPage(
                revocations: rows.compactMap(Revocation.init), mark: mark, isIncomplete: isIncomplete)
        }
    }

    /// Numbers rise without end: the newest row always stays, and the next number is the one behind it.
    static func note(
        _ database: Database, prefix: String? = nil, device: String? = nil, userID: String? = nil, team: String? = nil
    ) throws {
        try database.execute(
            sql: "INSERT INTO revocations (key_prefix, device, user_id, team) VALUES (?, ?, ?, ?)",
            arguments: [prefix, device, userID, team])
        try database.execute(
            sql: "DELETE FROM revocations WHERE number <= ?",
            arguments: [database.lastInsertedRowID - Int64(RevocationPage.countKept)])
    }
}

extension Revocation {
    fileprivate init?(_ row: Row) {
        let prefix: String? = row["key_prefix"]
        let device: String? = row["device"]
        let userID: String? = row["user_id"]
        let team: String? = row["team"]
        if let prefix {
            self = .key(prefix: prefix)
        } else if let device, let userID {
            self = .device(Identifier(unchecked: device), of: Identifier(unchecked: userID))
        } else if let userID, let team {
            self = .membership(Identifier(unchecked: userID), team: Identifier(unchecked: team))
        } else if let userID {
            self = .tier(of: Identifier(unchecked: userID))
        } else {
            return nil
        }
    }
}
