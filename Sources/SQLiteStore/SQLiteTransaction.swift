internal import Causality
internal import GRDB
internal import Storage

/// One `BEGIN IMMEDIATE` of SQLite's single writer: every space is locked by it.
struct SQLiteTransaction: StoreTransaction {
    let database: Database
    let policyCache: PolicyCache

    func lockHead(of space: Identifier) throws(StoreError) -> Position {
        try SpaceRow.read(space, database)?.statistics.head ?? .start
    }

    func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Causality.Record?] {
        guard let row = try SpaceRow.read(space, database) else { return Array(repeating: nil, count: names.count) }
        return try SQLiteTransaction.records(names, in: row, VersionRow.columnsWithoutContent, database)
    }

    func liveCount(of space: Identifier) throws(StoreError) -> Int {
        try SpaceRow.read(space, database)?.statistics.recordCount ?? 0
    }

    func entry(at position: Position, in space: Identifier) throws(StoreError) -> LogEntry? {
        guard let row = try SpaceRow.read(space, database) else { return nil }
        let query = try HotStatement(
            "SELECT \(VersionRow.columns) FROM versions WHERE space = ? AND position = ?", database)
        query.bind(1, row.number)
        query.bind(2, position.microseconds)
        defer { query.reset() }
        return try query.step() ? try VersionRow.entry(query) : nil
    }

    static func records(
        _ names: [RecordName], in space: SpaceRow, _ columns: String, _ database: Database
    ) throws(StoreError) -> [Causality.Record?] {
        let headQuery = try headQuery(columns, database)
        let siblingQuery = try siblingQuery(columns, database)
        // Nearly no space has siblings: the second look-up of each name is spared.
        let hasSiblings = space.statistics.siblingCount > 0
        var records: [Causality.Record?] = []
        records.reserveCapacity(names.count)
        for name in names {
            let heads = try entries(name, in: space, headQuery)
            guard let head = heads.first else {
                records.append(nil)
                continue
            }
            let siblings = hasSiblings ? try entries(name, in: space, siblingQuery) : []
            records.append(Causality.Record(head: head, siblings: siblings))
        }
        return records
    }

    func append(
        _ added: [LogEntry], ending ended: [Position], in space: Identifier, head: Position
    ) throws(StoreError) {
        let row = try existing(space)
        var statistics = row.statistics
        try remove(ended, in: row, &statistics)
        let insertion = try HotStatement(VersionRow.insertion, database)
        insertion.bind(1, row.number)
        for entry in added {
            VersionRow.bind(entry, to: insertion)
            try insertion.run()
            statistics.count(isSibling: entry.isSibling, isDeleted: entry.change.isDeleted, by: 1)
        }
        let update = try HotStatement(
            "UPDATE spaces SET head = ?, record_count = ?, deleted_count = ?, sibling_count = ? WHERE number = ?",
            database)
        update.bind(1, head.microseconds)
        update.bind(2, Int64(statistics.recordCount))
        update.bind(3, Int64(statistics.deletedCount))
        update.bind(4, Int64(statistics.siblingCount))
        update.bind(5, row.number)
        try update.run()
    }

    /// The row of the space, made where nothing was written yet.
    func existing(_ space: Identifier) throws(StoreError) -> SpaceRow {
        if let row = try SpaceRow.read(space, database) { return row }
        let insertion = try HotStatement("INSERT INTO spaces (space, head) VALUES (?, 0)", database)
        insertion.bind(1, space)
        try insertion.run()
        guard let row = try SpaceRow.read(space, database) else {
            throw .corrupt("the space \(space) is not there after its insertion")
        }
        return row
    }

    private func remove(
        _ ended: [Position], in space: SpaceRow, _ statistics: inout SpaceStatistics
    ) throws(StoreError) {
        guard !ended.isEmpty else { return }
        let deletion = try HotStatement(
            "DELETE FROM versions WHERE space = ? AND position = ? RETURNING is_sibling, flags", database)
        deletion.bind(1, space.number)
        for position in ended {
            deletion.bind(2, position.microseconds)
            while try deletion.step() {
                statistics.count(
                    isSibling: deletion.number(0) != 0, isDeleted: deletion.number(1) & ChangeRow.isDeleted != 0, by: -1
                )
            }
            deletion.reset()
        }
    }

    static func headQuery(_ columns: String, _ database: Database) throws(StoreError) -> HotStatement {
        try HotStatement(selection(columns, isSibling: false), database)
    }

    static func siblingQuery(_ columns: String, _ database: Database) throws(StoreError) -> HotStatement {
        try HotStatement(selection(columns, isSibling: true), database)
    }

    /// By name of the index: left to itself SQLite takes the primary key for the order of the siblings, and reads all of
    /// the space for each record.
    static func selection(_ columns: String, isSibling: Bool) -> String {
        "SELECT \(columns) FROM versions INDEXED BY \(isSibling ? "siblings" : "heads") "
            + "WHERE space = ? AND kind = ? AND id = ? AND is_sibling = \(isSibling ? "1 ORDER BY position" : "0")"
    }

    /// What ``headQuery(_:_:)`` or ``siblingQuery(_:_:)`` finds, oldest first.
    static func entries(
        _ name: RecordName, in space: SpaceRow, _ query: HotStatement, countMax: Int = .max
    ) throws(StoreError) -> [LogEntry] {
        query.bind(1, space.number)
        query.bind(2, name.kind)
        query.bind(3, name.id)
        defer { query.reset() }
        var entries: [LogEntry] = []
        while entries.count < countMax, try query.step() { entries.append(try VersionRow.entry(query)) }
        return entries
    }
}
