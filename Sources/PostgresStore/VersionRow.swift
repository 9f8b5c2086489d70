internal import Causality
internal import Storage

/// How a log entry lies in a row of `versions`.
enum VersionRow {
    /// What tells the entry, the record's name, then the columns of a change (`ChangeRow`), then who may see it.
    static let columns = """
        v.position, v.is_sibling, v.author, v.reason, v.detail, v.kind, v.id, v.namespace, v.clock, v.hash, v.is_deleted,
        v.updated_at, v.schema_version, v.writer, v.is_embedded, v.embedding, v.body, v.access, v.owner
        """

    static let atPosition = Statement("SELECT \(columns) FROM versions v WHERE v.space = $1 AND v.position = $2")

    /// The head and the siblings of one record, oldest first, of one cut.
    static let byName = Statement(
        """
        SELECT \(columns) FROM versions v WHERE v.space = $1 AND v.kind = $2 AND v.id = $3 AND NOT v.is_sibling
        UNION ALL (SELECT \(columns) FROM versions v WHERE v.space = $1 AND v.kind = $2 AND v.id = $3 AND v.is_sibling
            ORDER BY v.position)
        """)

    static let bareColumns = """
        n.number, v.position, v.author, v.namespace, v.clock, v.hash, v.is_deleted, v.updated_at, v.schema_version,
        v.writer, v.access, v.owner
        """

    /// The heads of `unnest(spaces, kinds, ids)`, without content, each with the number of its name, from 1. OFFSET 0 keeps
    /// the inner query by itself, looked up name by name: the planner took an index that it believed empty whole.
    static let headsByName = Statement(
        """
        SELECT \(bareColumns) FROM unnest($1, $2, $3) WITH ORDINALITY AS n(space, kind, id, number)
        CROSS JOIN LATERAL (SELECT * FROM versions h WHERE h.space = n.space AND h.kind = n.kind AND h.id = n.id
            AND NOT h.is_sibling OFFSET 0) v
        """)

    /// Their siblings, oldest first of each. Nearly no space has one: then no name is looked up.
    static let siblingsByName = Statement(
        """
        SELECT \(bareColumns) FROM unnest($1, $2, $3) WITH ORDINALITY AS n(space, kind, id, number)
        CROSS JOIN LATERAL (SELECT * FROM versions h WHERE h.space = n.space AND h.kind = n.kind AND h.id = n.id
            AND h.is_sibling ORDER BY h.position OFFSET 0) v
        WHERE (SELECT bool_or(s.sibling_count > 0) FROM spaces s WHERE s.space = ANY ($1))
        ORDER BY n.number, v.position
        """)

    static func names(_ touched: [TouchedRecords]) -> Parameters {
        let columns = (0..<3).map { _ in ArrayParameter.texts() }
        for space in touched {
            for name in space.names {
                columns[0].append(space.space)
                columns[1].append(name.kind)
                columns[2].append(name.id)
            }
        }
        var parameters = Parameters()
        for column in columns { parameters.add(column) }
        return parameters
    }

    /// What ``LogEntry/encodedBytesEstimate`` says, from the stored form's sizes: a number of an embedding has some 14
    /// bytes in JSON, and a clock's entry doubles.
    static func encodedBytesEstimate(_ entry: LogEntry, clockBytes: Int) -> Int {
        let change = entry.change
        let names = [change.kind, change.id, change.namespace, change.hash].reduce(0) { $0 + $1.text.utf8.count }
        let content = EncodedSize.embeddingNumberBytes * (change.embedding?.count ?? 0) + change.body.count
        return EncodedSize.fieldsBytes + names + 2 * clockBytes + content + entry.detail.utf8.count
    }

    /// The entry in a row of ``columns``.
    ///
    /// - Parameter first: the column where they begin.
    static func entry(
        _ row: Row, _ embeddings: EmbeddingColumn, from first: Int32 = 0
    ) throws(PostgresFailure) -> LogEntry {
        let position = row.position(first)
        var change = try ChangeRow.change(
            row, from: first + 7, kind: row.name(first + 5), id: row.name(first + 6), embeddings,
            place: "at position \(position)")
        let access = row.number(first + 17)
        change.visibility = LogEntry.visibility(storedAccess: access)
        return LogEntry(
            position: position, author: row.name(first + 2), change: change, isSibling: row.flag(first + 1),
            reason: Reason(rawValue: row.text(first + 3)) ?? .newer, detail: row.text(first + 4),
            owner: row.name(first + 18), wasShared: LogEntry.wasShared(storedAccess: access))
    }

    /// The records that ``headsByName`` and ``siblingsByName`` found, in the order of their names.
    static func records(
        of names: [RecordName], heads: Rows, siblings: Rows
    ) throws(PostgresFailure) -> [Record?] {
        var found: [Record?] = Array(repeating: nil, count: names.count)
        for (rows, isSibling) in [(heads, false), (siblings, true)] {
            for row in rows {
                let index = Int(row.number(0)) - 1
                guard found.indices.contains(index) else { continue }
                let entry = try bareEntry(row, name: names[index], isSibling: isSibling)
                if isSibling { found[index]?.siblings.append(entry) } else { found[index] = Record(head: entry) }
            }
        }
        return found
    }

    /// The entry in a row of ``bareColumns``: without content and reason.
    static func bareEntry(_ row: Row, name: RecordName, isSibling: Bool) throws(PostgresFailure) -> LogEntry {
        let access = row.number(10)
        let change = Change(
            kind: name.kind, id: name.id, namespace: row.name(3),
            clock: try ChangeRow.clock(row, 4, "at position \(row.number(1))"), hash: row.name(5), body: [],
            isDeleted: row.flag(6), updatedAt: row.number(7), schemaVersion: Int(row.number(8)), writer: row.name(9),
            visibility: LogEntry.visibility(storedAccess: access))
        return LogEntry(
            position: row.position(1), author: row.name(2), change: change, isSibling: isSibling, owner: row.name(11),
            wasShared: LogEntry.wasShared(storedAccess: access))
    }
}

/// How a change lies in neighbouring columns, of `versions` and of `history`.
enum ChangeRow {
    static let columns = """
        namespace, clock, hash, is_deleted, updated_at, schema_version, writer, is_embedded, embedding, body
        """

    /// - Parameter place: where it stands, for the error of a damaged row.
    static func change(
        _ row: Row, from first: Int32, kind: Identifier, id: Identifier, _ embeddings: EmbeddingColumn,
        place: @autoclosure () -> String
    ) throws(PostgresFailure) -> Change {
        var embedding: [Float]?
        if row.flag(first + 7) {
            let read = row.isNull(first + 8) ? [] : row.withBytes(first + 8) { embeddings.embedding($0) }
            guard let read else {
                throw PostgresFailure(kind: .damaged, message: "the embedding \(place()) is damaged")
            }
            embedding = read
        }
        return Change(
            kind: kind, id: id, namespace: row.name(first), clock: try clock(row, first + 1, place()),
            hash: row.name(first + 2), body: ArraySlice(row.bytes(first + 9)), isDeleted: row.flag(first + 3),
            updatedAt: row.number(first + 4), schemaVersion: Int(row.number(first + 5)), embedding: embedding,
            writer: row.name(first + 6))
    }

    static func clock(
        _ row: Row, _ column: Int32, _ place: @autoclosure () -> String
    ) throws(PostgresFailure) -> VectorClock {
        guard let clock = row.withBytes(column, { VectorClock(storedForm: $0) }) else {
            throw PostgresFailure(kind: .damaged, message: "the clock \(place()) is damaged")
        }
        return clock
    }
}
