internal import Causality
internal import Storage

/// Keys and devices that are taken back, what else hubs have to hear of, and devices that come and go.
///
/// Numbers of revocations come from one row that stays locked until the commit: whoever sees a number sees every one
/// before it.
extension PostgresAccounts {
    func revokeKey(prefix: String, at time: Position) throws(StoreError) -> Bool {
        guard !prefix.utf8.contains(0) else { return false }
        var row = Parameters()
        row.add(prefix)
        row.add(time)
        row.add(Int64(RevocationPage.countKept))
        let results = try store.sharedStatements.run([(AccountStatements.revokeKey, row)], isRepeatable: true)
        return results.first?.first?.flag(0) ?? false
    }

    func removeDevice(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Bool {
        var row = PostgresAccounts.place(id, userID)
        row.add(Int64(RevocationPage.countKept))
        let results = try store.sharedStatements.run([(AccountStatements.removeDevice, row)], isRepeatable: false)
        return results.first?.first?.flag(0) ?? false
    }

    func revocations(after asked: Int64?) throws(StoreError) -> RevocationPage {
        var row = Parameters()
        row.add(asked)
        let rows = try rows(AccountStatements.revocations, row)
        guard let mark = rows.first?.number(0) else { throw .corrupt("the count of revocations is missing") }
        // A row without a number is the mark alone.
        let revocations = rows.filter { !$0.isNull(1) }.compactMap(Revocation.init)
        guard let asked else { return RevocationPage(revocations: [], mark: mark) }
        let isIncomplete = asked > mark || asked < 0 || Int64(revocations.count) < mark - asked
        return RevocationPage(revocations: revocations, mark: mark, isIncomplete: isIncomplete)
    }

    func note(_ presences: [Presence]) throws(StoreError) {
        guard !presences.isEmpty else { return }
        // In one order on every hub, so that two of them never wait for each other; the last one of a device counts.
        var latest: [RecordName: Presence] = [:]
        for presence in presences { latest[RecordName(kind: presence.userID, id: presence.device)] = presence }
        let users = ArrayParameter.texts()
        let devices = ArrayParameter.texts()
        let ends = ArrayParameter.numbers()
        for (name, presence) in latest.sorted(by: { $0.key < $1.key }) {
            users.append(name.kind)
            devices.append(name.id)
            ends.append(presence.until?.microseconds ?? AccountStatements.isGone)
        }
        var row = Parameters()
        for array in [users, devices, ends] { row.add(array) }
        row.add(AccountStatements.isGone)
        _ = try store.sharedStatements.run([(AccountStatements.note, row)], isRepeatable: true)
    }
}

extension Revocation {
    /// Of a row of ``AccountStatements/revocations``.
    fileprivate init?(_ row: Row) {
        if let prefix = row.optionalText(2) {
            self = .key(prefix: prefix)
        } else if !row.isNull(3), !row.isNull(4) {
            self = .device(row.name(3), of: row.name(4))
        } else if !row.isNull(4), !row.isNull(5) {
            self = .membership(row.name(4), team: row.name(5))
        } else if !row.isNull(4) {
            self = .tier(of: row.name(4))
        } else {
            return nil
        }
    }
}
