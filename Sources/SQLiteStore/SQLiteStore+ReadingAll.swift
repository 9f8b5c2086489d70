internal import Causality
internal import GRDB
public import Storage

extension SQLiteStore {
    /// One read transaction. The write-ahead log grows as long as it lasts: checkpoints stop at its cut.
    public func readAll(_ body: (KeptItem) throws -> Void) throws {
        do {
            try pool.read { database in
                guard let life = try Int64.fetchOne(database, sql: "SELECT generation FROM log_life") else {
                    throw StoreError.corrupt("the log has no generation")
                }
                try body(.life(Generation(UInt64(bitPattern: life))))
                for (kind, policy) in try PolicyCache.read(database).sorted(by: { $0.key < $1.key }) {
                    try body(.policy(policy, kind: kind))
                }
                try KeptAccount.readUsers(database, body)
                try KeptAccount.readTeams(database, body)
                try SQLiteStore.readSpaces(database, body)
            }
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }

    private static func readSpaces(_ database: Database, _ body: (KeptItem) throws -> Void) throws {
        let next = try HotStatement(
            "SELECT number, space, head FROM spaces WHERE space > ? ORDER BY space LIMIT 1", database)
        var space: Identifier = ""
        while true {
            next.bind(1, space)
            guard try next.step() else { break }
            let number = next.number(0)
            space = next.name(1)
            let head = Position(next.number(2))
            next.reset()
            try body(.space(space, head: head))
            try readEntries(of: space, number, database, body)
            try readHistories(of: space, number, database, body)
        }
        next.reset()
    }

    private static func readEntries(
        of space: Identifier, _ number: Int64, _ database: Database, _ body: (KeptItem) throws -> Void
    ) throws {
        let statement = try HotStatement(
            "SELECT \(VersionRow.columns) FROM versions WHERE space = ? ORDER BY position", database)
        statement.bind(1, number)
        defer { statement.reset() }
        while try statement.step() { try body(.entry(try VersionRow.entry(statement), space: space)) }
    }

    private static func readHistories(
        of space: Identifier, _ number: Int64, _ database: Database, _ body: (KeptItem) throws -> Void
    ) throws {
        let statement = try HotStatement(HistoryRow.selection, database)
        statement.bind(1, number)
        defer { statement.reset() }
        while try statement.step() {
            let name = RecordName(kind: statement.name(HistoryRow.kind), id: statement.name(HistoryRow.kind + 1))
            try body(.version(try HistoryRow.version(statement, of: name), name: name, space: space))
        }
    }
}

extension HistoryRow {
    /// All of a space: the columns of ``version(_:of:)``, then the record's name.
    fileprivate static let selection =
        "SELECT number, \(ChangeRow.columns), kind, id FROM history WHERE space = ? ORDER BY kind, id, number"
    /// After the number and the nine columns of a change.
    fileprivate static let kind: CInt = 10
}
