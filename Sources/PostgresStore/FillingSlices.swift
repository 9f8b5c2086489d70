internal import Causality
internal import Storage

/// Rows of spaces on their way into an empty store.
struct SpaceSlice {
    private let names = ArrayParameter.texts()
    /// Head, records, deleted, siblings.
    private let numbers = (0..<4).map { _ in ArrayParameter.numbers() }

    private static let insertion: Statement = """
        INSERT INTO spaces (space, head, record_count, deleted_count, sibling_count)
        SELECT * FROM unnest($1, $2, $3, $4, $5)
        """

    var isFull: Bool { names.count >= PostgresTransaction.sliceRowsMax }

    func append(_ name: Identifier, _ statistics: SpaceStatistics) {
        names.append(name)
        numbers[0].append(statistics.head.microseconds)
        numbers[1].append(Int64(statistics.recordCount))
        numbers[2].append(Int64(statistics.deletedCount))
        numbers[3].append(Int64(statistics.siblingCount))
    }

    func send(on connection: PostgresConnection) throws(PostgresFailure) {
        try connection.send(SpaceSlice.insertion, all: [names] + numbers)
    }
}

extension PostgresConnection {
    /// Queues a statement with the arrays, unless they are empty, and empties them.
    func send(_ statement: Statement, all arrays: [ArrayParameter]) throws(PostgresFailure) {
        guard let first = arrays.first, first.count > 0 else { return }
        var parameters = Parameters()
        for array in arrays { parameters.add(array) }
        try send(statement, parameters)
        for array in arrays { array.removeAll() }
    }
}

extension ArrayParameter {
    func append(_ number: Int64?) {
        if let number { append(number) } else { appendNull() }
    }
}

extension SpaceStatistics {
    mutating func add(_ entry: LogEntry) {
        if entry.isSibling {
            siblingCount += 1
        } else if entry.change.isDeleted {
            deletedCount += 1
        } else {
            recordCount += 1
        }
    }
}
