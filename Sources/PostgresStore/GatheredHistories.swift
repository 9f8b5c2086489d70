internal import Causality
internal import Storage

/// The histories that one transaction has read. Those of names that come next in it are read along: a batch of merged
/// records is not a round trip each.
struct GatheredHistories {
    /// Histories that one statement reads. Few: each may be megabytes, and a commit that has used up its share of work
    /// asks for no more.
    static let namesMax = 16

    private var touched: [Identifier: [RecordName]] = [:]
    private var places: [Identifier: [RecordName: Int]] = [:]
    private var known: [Identifier: [RecordName: [HistoryVersion]]] = [:]

    subscript(name: RecordName, in space: Identifier) -> [HistoryVersion]? { known[space]?[name] }

    /// Notes what is going to be asked for, in its order.
    mutating func note(_ touched: [TouchedRecords]) {
        for touched in touched {
            var names = self.touched[touched.space] ?? []
            for name in touched.names {
                places[touched.space, default: [:]][name] = names.count
                names.append(name)
            }
            self.touched[touched.space] = names
        }
    }

    /// `first`, and names behind it that may be asked for next and were not read yet.
    func next(
        from first: RecordName, in space: Identifier, where isMerged: (Identifier) -> Bool
    ) -> [RecordName] {
        var names = [first]
        guard let place = places[space]?[first], let touched = touched[space] else { return names }
        for name in touched[(place + 1)...] {
            if names.count == GatheredHistories.namesMax { break }
            if isMerged(name.kind), known[space]?[name] == nil { names.append(name) }
        }
        return names
    }

    mutating func note(
        _ rows: Rows, of names: [RecordName], in space: Identifier, _ embeddings: EmbeddingColumn
    ) throws(PostgresFailure) {
        for name in names { known[space, default: [:]][name] = [] }
        for row in rows {
            let name = RecordName(kind: row.name(0), id: row.name(1))
            let change = try ChangeRow.change(
                row, from: 3, kind: name.kind, id: name.id, embeddings,
                place: "in the history of \(name.kind)/\(name.id)")
            known[space]?[name]?.append(HistoryVersion(number: row.number(2), change: change))
        }
    }

    mutating func forget(_ name: RecordName, in space: Identifier) {
        known[space]?[name] = nil
    }
}

/// Versions on their way into `history`, column by column.
final class HistorySlice {
    private let embeddings: EmbeddingColumn
    /// Space, kind, id, namespace, writer, hash.
    private let names = (0..<6).map { _ in ArrayParameter.texts() }
    /// Number, time of the edit, schema version.
    private let numbers = (0..<3).map { _ in ArrayParameter.numbers() }
    /// Deleted, embedded.
    private let flags = (0..<2).map { _ in ArrayParameter.flags() }
    private let clocks = ArrayParameter.bytes()
    private let vectors: ArrayParameter
    private let bodies = ArrayParameter.texts()

    init(_ embeddings: EmbeddingColumn) {
        self.embeddings = embeddings
        vectors = embeddings.array()
    }

    private var arrays: [ArrayParameter] { names + numbers + flags + [clocks, vectors, bodies] }

    var count: Int { bodies.count }

    /// Whether it is to be sent: bounded as ``PostgresTransaction/sliceBytesMax`` bounds entries.
    var isFull: Bool {
        count >= PostgresTransaction.sliceRowsMax
            || bodies.byteCount + vectors.byteCount >= PostgresTransaction.sliceBytesMax
    }

    var parameters: Parameters {
        var parameters = Parameters()
        for array in arrays { parameters.add(array) }
        return parameters
    }

    func append(_ version: HistoryVersion, in space: Identifier) {
        let change = version.change
        let texts = [space, change.kind, change.id, change.namespace, change.writer, change.hash]
        for (array, text) in zip(names, texts) { array.append(text) }
        for (array, number) in zip(numbers, [version.number, change.updatedAt, Int64(change.schemaVersion)]) {
            array.append(number)
        }
        flags[0].append(change.isDeleted)
        flags[1].append(change.embedding != nil)
        clocks.append(change.clock.storedForm)
        embeddings.append(change.embedding, to: vectors)
        change.body.withUnsafeBytes { bodies.append($0) }
    }

    func removeAll() {
        for array in arrays { array.removeAll() }
    }
}

enum HistoryStatements {
    static let reading: Statement = """
        SELECT h.kind, h.id, h.number, h.namespace, h.clock, h.hash, h.is_deleted, h.updated_at, h.schema_version,
            h.writer, h.is_embedded, h.embedding, h.body
        FROM unnest($2, $3) AS n (kind, id)
            JOIN history h ON h.space = $1 AND h.kind = n.kind AND h.id = n.id
        ORDER BY h.number
        """
    static let deletion: Statement = """
        DELETE FROM history h USING unnest($1, $2, $3, $4) AS ended (space, kind, id, number)
        WHERE h.space = ended.space AND h.kind = ended.kind AND h.id = ended.id AND h.number = ended.number
        """
    static let insertion: Statement = """
        INSERT INTO history (space, kind, id, namespace, writer, hash, number, updated_at, schema_version, is_deleted,
            is_embedded, clock, embedding, body)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """
    /// Space by space, because the key begins with the space: all of the table would be read otherwise.
    static let deletionOfKind: Statement = """
        DELETE FROM history WHERE space IN (SELECT space FROM spaces) AND kind = $1
        """
}
