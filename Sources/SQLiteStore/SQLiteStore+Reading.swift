public import Causality
internal import GRDB
public import Storage

/// Each call is one read transaction, so that head and entries are of one cut.
extension SQLiteStore {
    public func head(of space: Identifier) throws(StoreError) -> Position {
        try read { try SpaceRow.read(space, $0)?.statistics.head ?? .start }
    }

    public func statistics(of space: Identifier) throws(StoreError) -> SpaceStatistics {
        let none = SpaceStatistics(head: .start, recordCount: 0, deletedCount: 0, siblingCount: 0)
        return try read { try SpaceRow.read(space, $0)?.statistics ?? none }
    }

    public func record(_ key: RecordKey) throws(StoreError) -> Causality.Record? {
        try read { database -> Causality.Record? in
            guard let row = try SpaceRow.read(key.space, database) else { return nil }
            return try SQLiteTransaction.records([key.name], in: row, VersionRow.columns, database)[0]
        }
    }

    public func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Causality.Record?] {
        try read { database -> [Causality.Record?] in
            guard let row = try SpaceRow.read(space, database) else { return Array(repeating: nil, count: names.count) }
            return try SQLiteTransaction.records(names, in: row, VersionRow.columnsWithoutContent, database)
        }
    }

    public func page(_ query: PageQuery) throws(StoreError) -> LogPage {
        try read { try SQLiteStore.page(query, $0) }
    }

    /// One read transaction: checkpoints stop at its cut, so the write-ahead log grows as long as it lasts.
    public func scan(_ query: PageQuery, _ body: ([LogEntry]) throws -> Void) throws -> Position {
        do {
            return try pool.read { database in
                try query.walk({ try SQLiteStore.page($0, database) }, body)
            }
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }

    private static func page(_ query: PageQuery, _ database: Database) throws -> LogPage {
        var scan = PageScan(query)
        guard let row = try SpaceRow.read(query.space, database) else { return scan.page([], head: .start) }
        let statement = try HotStatement(
            "SELECT \(VersionRow.columns) FROM versions WHERE space = ? AND position > ? AND position <= ? "
                + "ORDER BY position", database)
        statement.bind(1, row.number)
        statement.bind(2, query.after.microseconds)
        statement.bind(3, query.upTo.microseconds)
        defer { statement.reset() }
        var entries: [LogEntry] = []
        scanning: while try statement.step() {
            let verdict = scan.offer(
                Position(statement.number(0)), kind: statement.name(1), namespace: statement.name(5),
                author: statement.name(4), encodedBytes: VersionRow.encodedBytesEstimate(statement))
            switch verdict {
            case .take: entries.append(try VersionRow.entry(statement))
            case .skip: continue
            case .stop: break scanning
            }
        }
        return scan.page(entries, head: row.statistics.head)
    }
}
