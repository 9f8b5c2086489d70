public import Causality
public import Storage

/// Each call is one round trip and one cut.
extension PostgresStore {
    static let spaceStatistics: Statement =
        "SELECT head, record_count, deleted_count, sibling_count FROM spaces WHERE space = $1"
    static let headsOfSpaces: Statement = "SELECT space, head FROM spaces WHERE space = ANY ($1) AND head > 0"
    static let cut: Statement = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    /// A page's rows: as many as are wanted, up to the one with which the sum of their bytes passes the bound. The sum
    /// runs along the key, so that nothing beyond the bound is sent; past the number of rows nothing is read. `next` says
    /// whether another one among those that were looked at would be wanted.
    ///
    /// $4 looked at most, $5 taken at most, $6 bytes, $7 kinds, $8 namespaces, $9 the author that is left out.
    static let pageOfVersions = Statement(
        """
        SELECT \(VersionRow.columns), v.next IS NOT NULL FROM (
            SELECT w.*, count(*) OVER running AS taken, sum(w.bytes) OVER running - w.bytes AS before,
                lead(w.position) OVER running AS next
            FROM (
                SELECT s.* FROM versions s WHERE s.space = $1 AND s.position > $2 AND s.position <= $3
                ORDER BY s.position LIMIT $4
            ) w
            WHERE (cardinality($7) = 0 OR w.kind = ANY ($7)) AND (cardinality($8) = 0 OR w.namespace = ANY ($8))
                AND ($9 IS NULL OR w.author <> $9)
            WINDOW running AS (ORDER BY w.position ROWS UNBOUNDED PRECEDING)
        ) v
        WHERE v.taken <= $5 AND v.before <= $6 ORDER BY v.position
        """)
    private static let nextColumn: Int32 = 19
    /// The last of the rows that are looked at, where there are so many, and the one behind it; nothing where the page is
    /// full before, which then says itself where it ends. Going by all of them cost three times the page.
    static let scanEnd = Statement(
        """
        SELECT e.position FROM versions e WHERE e.space = $1 AND e.position > $2 AND e.position <= $3 AND NOT EXISTS (
            SELECT FROM (
                SELECT count(*) OVER running AS taken, sum(w.bytes) OVER running - w.bytes AS before
                FROM (
                    SELECT s.* FROM versions s WHERE s.space = $1 AND s.position > $2 AND s.position <= $3
                    ORDER BY s.position LIMIT $4
                ) w
                WHERE (cardinality($7) = 0 OR w.kind = ANY ($7)) AND (cardinality($8) = 0 OR w.namespace = ANY ($8))
                    AND ($9 IS NULL OR w.author <> $9)
                WINDOW running AS (ORDER BY w.position ROWS UNBOUNDED PRECEDING)
            ) v
            WHERE v.taken > $5 OR v.before > $6)
        ORDER BY e.position OFFSET $4 - 1 LIMIT 2
        """)

    public func head(of space: Identifier) throws(StoreError) -> Position {
        try statistics(of: space).head
    }

    public func heads(of spaces: [Identifier]) throws(StoreError) -> [Identifier: Position] {
        try readOfLife { (connection, life) throws(PostgresFailure) in
            var parameters = Parameters()
            parameters.add(ArrayParameter.texts(spaces))
            let rows = try PostgresStore.cut(connection, life) { () throws(PostgresFailure) in
                try connection.send(PostgresStore.headsOfSpaces, parameters)
            }
            var heads: [Identifier: Position] = [:]
            for row in rows[1] { heads[row.name(0)] = row.position(1) }
            return (rows[0], heads)
        }
    }

    public func statistics(of space: Identifier) throws(StoreError) -> SpaceStatistics {
        try readOfLife { (connection, life) throws(PostgresFailure) in
            let rows = try PostgresStore.cut(connection, life) { () throws(PostgresFailure) in
                try connection.send(PostgresStore.spaceStatistics, .init(space))
            }
            return (rows[0], try PostgresStore.statistics(rows[1]))
        }
    }

    /// The life, and what `body` sends: one round trip and one cut.
    ///
    /// - Returns: the life first, then a result for each statement.
    private static func cut(
        _ connection: PostgresConnection, _ life: Statement, _ body: () throws(PostgresFailure) -> Void
    ) throws(PostgresFailure) -> [Rows] {
        try connection.send(PostgresStore.cut)
        try connection.send(life)
        try body()
        try connection.send(PostgresTransaction.commit)
        let results = try connection.sync()
        guard results.count > 3 else { throw PostgresFailure(kind: .lost, message: "a result is missing.") }
        return Array(results[1..<(results.count - 1)])
    }

    static func statistics(_ rows: Rows) throws(PostgresFailure) -> SpaceStatistics {
        guard let row = rows.first else {
            return SpaceStatistics(head: .start, recordCount: 0, deletedCount: 0, siblingCount: 0)
        }
        return SpaceStatistics(
            head: row.position(0), recordCount: Int(row.number(1)), deletedCount: Int(row.number(2)),
            siblingCount: Int(row.number(3)))
    }

    public func record(_ key: RecordKey) throws(StoreError) -> Record? {
        try read { (connection) throws(PostgresFailure) in
            var parameters = Parameters(key.space)
            parameters.add(key.name.kind)
            parameters.add(key.name.id)
            var record: Record?
            for row in try connection.run(VersionRow.byName, parameters) {
                let entry = try VersionRow.entry(row, embeddings)
                if entry.isSibling { record?.siblings.append(entry) } else { record = Record(head: entry) }
            }
            return record
        }
    }

    public func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Record?] {
        guard !names.isEmpty else { return [] }
        let parameters = VersionRow.names([TouchedRecords(space: space, names: names)])
        return try readOfLife { (connection, life) throws(PostgresFailure) in
            let rows = try PostgresStore.cut(connection, life) { () throws(PostgresFailure) in
                try connection.send(VersionRow.headsByName, parameters)
                try connection.send(VersionRow.siblingsByName, parameters)
            }
            return (rows[0], try VersionRow.records(of: names, heads: rows[1], siblings: rows[2]))
        }
    }

    public func page(_ query: PageQuery) throws(StoreError) -> LogPage {
        try readOfLife { (connection, life) throws(PostgresFailure) in
            let results = try PostgresStore.cut(connection, life) { () throws(PostgresFailure) in
                try PostgresStore.sendPage(query, connection)
            }
            return (results[0], try page(query, results[1...]))
        }
    }

    /// One transaction on one connection, a statement for each piece. Vacuuming keeps dead rows as long as it lasts.
    public func scan(_ query: PageQuery, _ body: ([LogEntry]) throws -> Void) throws -> Position {
        try readingCut { connection, _ in
            try query.walk(
                { query in
                    try PostgresStore.sendPage(query, connection)
                    return try page(query, try connection.sync()[...])
                }, body)
        }
    }

    /// Asks for the space's head, the page, and where the look ends if it is filtered.
    private static func sendPage(_ query: PageQuery, _ connection: PostgresConnection) throws(PostgresFailure) {
        let limit = min(max(query.limit, 1), PageScan.scannedMax)
        var parameters = PostgresStore.range(query)
        parameters.add(Int64(isFiltered(query) ? PageScan.scannedMax : limit + 1))
        parameters.add(Int64(limit))
        parameters.add(Int64(max(query.bytesMax, 0)))
        parameters.add(ArrayParameter.texts(query.kinds))
        parameters.add(ArrayParameter.texts(query.namespaces))
        parameters.add(query.excludedAuthor)
        try connection.send(PostgresStore.spaceStatistics, Parameters(query.space))
        try connection.send(PostgresStore.pageOfVersions, parameters)
        if isFiltered(query) { try connection.send(PostgresStore.scanEnd, parameters) }
    }

    private static func isFiltered(_ query: PageQuery) -> Bool {
        !query.kinds.isEmpty || !query.namespaces.isEmpty || query.excludedAuthor != nil
    }

    /// Of what ``sendPage(_:_:)`` asked for.
    private func page(_ query: PageQuery, _ results: ArraySlice<Rows>) throws(PostgresFailure) -> LogPage {
        let results = Array(results)
        guard results.count >= (PostgresStore.isFiltered(query) ? 3 : 2) else {
            throw PostgresFailure(kind: .lost, message: "a result is missing.")
        }
        let head = try PostgresStore.statistics(results[0]).head
        return try page(query, head: head, results[1], scanEnd: results.count > 2 ? results[2] : nil)
    }

    private static func range(_ query: PageQuery) -> Parameters {
        var parameters = Parameters(query.space)
        parameters.add(query.after)
        parameters.add(query.upTo)
        return parameters
    }

    /// As ``PageScan`` makes it; where there is more it ends at the last entry that is taken.
    private func page(
        _ query: PageQuery, head: Position, _ rows: Rows, scanEnd: Rows?
    ) throws(PostgresFailure) -> LogPage {
        var entries: [LogEntry] = []
        entries.reserveCapacity(rows.count)
        for row in rows { entries.append(try VersionRow.entry(row, embeddings)) }
        if let last = entries.last, rows[rows.count - 1].flag(PostgresStore.nextColumn) {
            return LogPage(entries: entries, upTo: last.position, hasMore: true)
        }
        if let scanEnd, scanEnd.count == 2 {
            return LogPage(entries: entries, upTo: scanEnd[0].position(0), hasMore: true)
        }
        return LogPage(entries: entries, upTo: max(query.after, min(head, query.upTo)), hasMore: false)
    }
}

extension Parameters {
    init(_ space: Identifier) {
        self.init()
        add(space)
    }
}
