internal import Causality
internal import Storage

/// What a transaction gathered goes out with its COMMIT, in one pipeline.
extension PostgresTransaction {
    /// Bytes of one INSERT's arrays. Small enough that a commit of 16 MiB is not in memory once more, and that the
    /// server writes one slice while the next one is put together.
    static let sliceBytesMax = 256 << 10
    /// Rows of one INSERT, however small.
    static let sliceRowsMax = 1_000
    /// Rows from which on a slice ends with its space. Fewer share one statement: a commit of 32 users' single changes
    /// is one INSERT.
    static let sharedRowsMax = 64

    /// One statement for the ended versions and the spaces' rows of all spaces. The counts of what went are taken from
    /// the rows that went.
    static let spacesMovedEnding: Statement = """
        WITH gone AS (
            DELETE FROM versions v USING unnest($6, $7) AS e(space, position)
            WHERE v.space = e.space AND v.position = e.position
            RETURNING v.space, v.is_sibling, v.is_deleted
        ), lost AS (
            SELECT space, count(*) FILTER (WHERE NOT is_sibling AND NOT is_deleted) AS records,
                count(*) FILTER (WHERE NOT is_sibling AND is_deleted) AS deleted,
                count(*) FILTER (WHERE is_sibling) AS siblings
            FROM gone GROUP BY space
        )
        UPDATE spaces s SET head = n.head, record_count = record_count + n.records - coalesce(l.records, 0),
            deleted_count = deleted_count + n.deleted - coalesce(l.deleted, 0),
            sibling_count = sibling_count + n.siblings - coalesce(l.siblings, 0)
        FROM unnest($1, $2, $3, $4, $5) AS n(space, head, records, deleted, siblings) LEFT JOIN lost l USING (space)
        WHERE s.space = n.space
        """
    static let spacesMoved: Statement = """
        UPDATE spaces s SET head = n.head, record_count = record_count + n.records,
            deleted_count = deleted_count + n.deleted, sibling_count = sibling_count + n.siblings
        FROM unnest($1, $2, $3, $4, $5) AS n(space, head, records, deleted, siblings) WHERE s.space = n.space
        """

    func sendWrites() throws(PostgresFailure) {
        let ordered = changes.sorted { $0.key < $1.key }
        if !ordered.isEmpty { try sendSpaces(ordered) }
        try sendVersions(ordered)
        try sendAnswers()
        try sendHistory()
    }

    private func sendSpaces(_ ordered: [(key: Identifier, value: SpaceChange)]) throws(PostgresFailure) {
        let counts = (0..<4).map { _ in ArrayParameter.numbers() }
        let (endedSpaces, endedPositions) = (ArrayParameter.texts(), ArrayParameter.numbers())
        for (space, change) in ordered {
            let siblings = change.added.count { $0.isSibling }
            let deleted = change.added.count { !$0.isSibling && $0.change.isDeleted }
            counts[0].append(change.head.microseconds)
            counts[1].append(Int64(change.added.count - siblings - deleted))
            counts[2].append(Int64(deleted))
            counts[3].append(Int64(siblings))
            for position in change.ended {
                endedSpaces.append(space)
                endedPositions.append(position.microseconds)
            }
        }
        var parameters = Parameters()
        parameters.add(ArrayParameter.texts(ordered.map(\.key)))
        for array in counts { parameters.add(array) }
        guard endedSpaces.count > 0 else { return try connection.send(PostgresTransaction.spacesMoved, parameters) }
        parameters.add(endedSpaces)
        parameters.add(endedPositions)
        // Before the insertions: a record has one head at any moment.
        try connection.send(PostgresTransaction.spacesMovedEnding, parameters)
    }

    private func sendVersions(_ ordered: [(key: Identifier, value: SpaceChange)]) throws(PostgresFailure) {
        var slice = VersionSlice()
        for (space, change) in ordered {
            for entry in change.added {
                slice.append(entry, of: space)
                guard
                    slice.byteCount >= PostgresTransaction.sliceBytesMax
                        || slice.entries.count >= PostgresTransaction.sliceRowsMax
                else { continue }
                try send(&slice)
            }
            // Many entries of one space go by themselves, in the form that needs fewer columns.
            if slice.entries.count >= PostgresTransaction.sharedRowsMax { try send(&slice) }
        }
        try send(&slice)
    }

    private func send(_ slice: inout VersionSlice) throws(PostgresFailure) {
        guard !slice.entries.isEmpty else { return }
        let (statement, parameters) = slice.insertion(store.embeddings)
        try connection.send(statement, parameters)
        slice.removeAll()
    }
}
