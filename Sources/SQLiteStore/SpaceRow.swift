internal import Causality
internal import GRDB
internal import Storage

/// A row of `spaces`.
struct SpaceRow {
    let number: Int64
    let statistics: SpaceStatistics

    /// nil where nothing was ever written.
    static func read(_ space: Identifier, _ database: Database) throws(StoreError) -> SpaceRow? {
        let statement = try HotStatement(
            "SELECT number, head, record_count, deleted_count, sibling_count FROM spaces WHERE space = ?", database)
        statement.bind(1, space)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        let statistics = SpaceStatistics(
            head: Position(statement.number(1)), recordCount: Int(statement.number(2)),
            deletedCount: Int(statement.number(3)), siblingCount: Int(statement.number(4)))
        return SpaceRow(number: statement.number(0), statistics: statistics)
    }
}

extension SpaceStatistics {
    mutating func count(isSibling: Bool, isDeleted: Bool, by difference: Int) {
        if isSibling {
            siblingCount += difference
        } else if isDeleted {
            deletedCount += difference
        } else {
            recordCount += difference
        }
    }
}
