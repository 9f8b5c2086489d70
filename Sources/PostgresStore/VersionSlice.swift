internal import Causality
internal import Storage

/// Entries on their way into `versions`, column by column.
final class VersionSlice {
    static let insertion: Statement = """
        INSERT INTO versions (space, position, updated_at, schema_version, bytes, is_sibling, is_deleted, is_embedded,
            kind, id, namespace, author, writer, hash, clock, reason, detail, embedding, body)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        """

    private let embeddings: EmbeddingColumn
    private let spaces = ArrayParameter.texts()
    /// Position, time of the edit, schema version, bytes.
    private let numbers = (0..<4).map { _ in ArrayParameter.numbers() }
    /// Sibling, deleted, embedded.
    private let flags = (0..<3).map { _ in ArrayParameter.flags() }
    /// Kind, id, namespace, author, writer, hash.
    private let names = (0..<6).map { _ in ArrayParameter.texts() }
    private let clocks = ArrayParameter.bytes()
    private let reasons = ArrayParameter.texts()
    private let details = ArrayParameter.texts()
    private let vectors: ArrayParameter
    private let bodies = ArrayParameter.texts()
    private(set) var count = 0
    private(set) var byteCount = 0

    init(_ embeddings: EmbeddingColumn) {
        self.embeddings = embeddings
        vectors = embeddings.array()
    }

    private var arrays: [ArrayParameter] {
        [spaces] + numbers + flags + names + [clocks, reasons, details, vectors, bodies]
    }

    var parameters: Parameters {
        var parameters = Parameters()
        for array in arrays { parameters.add(array) }
        return parameters
    }

    func append(_ entry: LogEntry, in space: Identifier) {
        let change = entry.change
        let clock = change.clock.storedForm
        let bytes = VersionRow.encodedBytesEstimate(entry, clockBytes: clock.count)
        spaces.append(space)
        numbers[0].append(entry.position.microseconds)
        numbers[1].append(change.updatedAt)
        numbers[2].append(Int64(change.schemaVersion))
        numbers[3].append(Int64(bytes))
        flags[0].append(entry.isSibling)
        flags[1].append(change.isDeleted)
        flags[2].append(change.embedding != nil)
        names[0].append(change.kind)
        names[1].append(change.id)
        names[2].append(change.namespace)
        names[3].append(entry.author)
        names[4].append(change.writer)
        names[5].append(change.hash)
        clocks.append(clock)
        reasons.append(entry.reason.rawValue)
        details.append(entry.detail)
        embeddings.append(change.embedding, to: vectors)
        change.body.withUnsafeBytes { bodies.append($0) }
        count += 1
        byteCount += bytes
    }

    func removeAll() {
        for array in arrays { array.removeAll() }
        (count, byteCount) = (0, 0)
    }
}
