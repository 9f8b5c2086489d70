internal import Causality

/// The rows of a push.
///
/// One bad row refuses them all: a push is applied as a whole, and its client keeps what was not.
struct PushedRows {
    /// Bytes of a push: it is one transaction, and all of it is in memory meanwhile. 64 MiB, a first push of some
    /// hundred thousand rows.
    static let bodyBytesMax = 64 << 20
    /// Rows of a push: one transaction of some seconds.
    static let rowsMax = 100_000

    enum Intent: String {
        case create = "created"
        case update = "updated"
        case delete = "deleted"
    }

    struct Row {
        let table: Identifier
        let id: Identifier
        let intent: Intent
        /// In ``PushedRows/bodies``; empty for a deletion.
        let body: Range<Int>
    }

    var rows: [Row] = []
    /// The rows' texts, one behind the other.
    var bodies: [UInt8] = []
    /// Of the body; nil where it has none.
    var lastPulledAt: Position?
    private var names: Set<RecordName> = []

    mutating func add(_ row: Row) throws(SyncProblem) {
        guard rows.count < PushedRows.rowsMax else {
            throw SyncProblem(
                413, "too_many_items",
                "A push has at most \(PushedRows.rowsMax) rows; nothing was applied. Push more often.")
        }
        guard names.insert(RecordName(kind: row.table, id: row.id)).inserted else {
            throw .badField("\(row.table) names the id \(row.id) twice; nothing was applied. Name each row once.")
        }
        rows.append(row)
    }
}
