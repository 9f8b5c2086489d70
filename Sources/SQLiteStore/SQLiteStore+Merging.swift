public import Causality
internal import GRDB
public import Storage

extension SQLiteStore {
    public func policies() throws(StoreError) -> [Identifier: ConflictPolicy] {
        try read { try PolicyCache.read($0) }
    }

    public func setPolicy(_ policy: ConflictPolicy?, for kind: Identifier) throws(StoreError) {
        do {
            try pool.write { database in
                policyCache.forget()
                try SQLiteStore.set(policy, for: kind, database)
            }
        } catch {
            throw StoreError(error, isCommitting: false)
        }
    }

    private static func set(_ policy: ConflictPolicy?, for kind: Identifier, _ database: Database) throws {
        let before = try String.fetchOne(
            database, sql: "SELECT policy FROM policies WHERE kind = ?", arguments: [kind.text])
        if let policy {
            let stored = StoredPolicy(policy)
            try database.execute(
                sql: "INSERT OR REPLACE INTO policies (kind, policy, rule) VALUES (?, ?, ?)",
                arguments: [kind.text, stored.name, stored.rule])
            let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM policies") ?? 0
            guard count <= StoredPolicy.policiesMax else {
                throw StoreError.refused("there are \(StoredPolicy.policiesMax) policies")
            }
            if case .merge = policy { return }
        } else {
            try database.execute(sql: "DELETE FROM policies WHERE kind = ?", arguments: [kind.text])
        }
        guard before == ConflictPolicy.merge(.plain).name else { return }
        try database.execute(sql: historyDeletion, arguments: [kind.text])
    }

    /// Space by space, because the key begins with the space: all of the table would be read otherwise.
    static let historyDeletion = "DELETE FROM history WHERE space IN (SELECT number FROM spaces) AND kind = ?"
}

extension SQLiteTransaction {
    func policies() throws(StoreError) -> [Identifier: ConflictPolicy] { try policyCache.policies(database) }

    func history(of name: RecordName, in space: Identifier) throws(StoreError) -> [HistoryVersion] {
        guard let row = try SpaceRow.read(space, database) else { return [] }
        let query = try HotStatement(
            "SELECT number, \(ChangeRow.columns) FROM history WHERE space = ? AND kind = ? AND id = ? ORDER BY number",
            database)
        query.bind(1, row.number)
        query.bind(2, name.kind)
        query.bind(3, name.id)
        defer { query.reset() }
        var versions: [HistoryVersion] = []
        while try query.step() { versions.append(try HistoryRow.version(query, of: name)) }
        return versions
    }

    func revise(_ edits: [HistoryEdit], in space: Identifier) throws(StoreError) {
        guard let row = try SpaceRow.read(space, database) else {
            throw .corrupt("the space \(space) has a history and no log")
        }
        let deletion = try HotStatement(
            "DELETE FROM history WHERE space = ? AND kind = ? AND id = ? AND number = ?", database)
        let insertion = try HotStatement(HistoryRow.insertion, database)
        for statement in [deletion, insertion] { statement.bind(1, row.number) }
        for edit in edits {
            for statement in [deletion, insertion] {
                statement.bind(2, edit.name.kind)
                statement.bind(3, edit.name.id)
            }
            for number in edit.removed {
                deletion.bind(4, number)
                try deletion.run()
            }
            for version in edit.added {
                HistoryRow.bind(version, to: insertion)
                try insertion.run()
            }
        }
    }
}

/// How a version lies in a row of `history`.
enum HistoryRow {
    static let insertion =
        "INSERT INTO history (space, kind, id, number, \(ChangeRow.columns)) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"

    /// Binds all but the first three parameters: the space and the record.
    static func bind(_ version: HistoryVersion, to statement: HotStatement) {
        statement.bind(4, version.number)
        ChangeRow.bind(version.change, to: statement, from: 5)
    }

    static func version(_ row: HotStatement, of name: RecordName) throws(StoreError) -> HistoryVersion {
        let change = try ChangeRow.change(
            row, from: 1, kind: name.kind, id: name.id, place: "in the history of \(name.kind)/\(name.id)")
        return HistoryVersion(number: row.number(0), change: change)
    }
}
