internal import Causality
internal import Storage

/// Entries on their way into `versions`: what differs as arrays, what is the same for all as single values.
///
/// One device's push has one space, author and namespace, and nearly every entry is a head with the same reason: nine
/// arrays are sent and unnested instead of twenty-one.
struct VersionSlice {
    private(set) var entries: [LogEntry] = []
    /// Of each entry.
    private var spaces: [Identifier] = []
    /// About what they take on the way.
    private(set) var byteCount = 0

    private static let columns = """
        position, updated_at, bytes, kind, id, hash, clock, embedding, body,
        space, schema_version, is_sibling, is_deleted, is_embedded, namespace, author, writer, reason, detail,
        access, owner
        """

    static let insertionAlike = Statement(
        """
        INSERT INTO versions (\(columns))
        SELECT a.*, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS a
        """)
    static let insertion = Statement(
        """
        INSERT INTO versions (\(columns)) SELECT a.* FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
            $14, $15, $16, $17, $18, $19, $20, $21) AS a
        """)

    /// Whether it is to be sent.
    var isFull: Bool {
        byteCount >= PostgresTransaction.sliceBytesMax || entries.count >= PostgresTransaction.sliceRowsMax
    }

    mutating func append(_ entry: LogEntry, of space: Identifier) {
        entries.append(entry)
        spaces.append(space)
        byteCount += entry.change.body.count + 4 * (entry.change.embedding?.count ?? 0) + EncodedSize.fieldsBytes
    }

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        spaces.removeAll(keepingCapacity: true)
        byteCount = 0
    }

    /// The statement that inserts the entries, which are not none.
    func insertion(_ embeddings: EmbeddingColumn) -> (Statement, Parameters) {
        var parameters = Parameters()
        addContents(embeddings, to: &parameters)
        guard let first = entries.first, let space = spaces.first, spaces.last == space,
            spaces.allSatisfy({ $0 == space }),
            entries.allSatisfy({ VersionSlice.isAlike($0, first) })
        else {
            addPlaces(to: &parameters)
            return (VersionSlice.insertion, parameters)
        }
        parameters.add(space)
        parameters.add(Int64(first.change.schemaVersion))
        parameters.add(first.isSibling)
        parameters.add(first.change.isDeleted)
        parameters.add(first.change.embedding != nil)
        parameters.add(first.change.namespace)
        parameters.add(first.author)
        parameters.add(first.change.writer)
        parameters.add(first.reason.rawValue)
        parameters.add(first.detail)
        parameters.add(first.storedAccess)
        parameters.add(first.owner)
        return (VersionSlice.insertionAlike, parameters)
    }

    private static func isAlike(_ one: LogEntry, _ other: LogEntry) -> Bool {
        let (left, right) = (one.change, other.change)
        return one.isSibling == other.isSibling && one.reason == other.reason && one.author == other.author
            && left.isDeleted == right.isDeleted && left.schemaVersion == right.schemaVersion
            && left.namespace == right.namespace && left.writer == right.writer && one.detail == other.detail
            && (left.embedding == nil) == (right.embedding == nil) && one.storedAccess == other.storedAccess
            && one.owner == other.owner
    }

    private func addContents(_ embeddings: EmbeddingColumn, to parameters: inout Parameters) {
        let (positions, times, sizes) = (ArrayParameter.numbers(), ArrayParameter.numbers(), ArrayParameter.numbers())
        let (kinds, ids, hashes) = (ArrayParameter.texts(), ArrayParameter.texts(), ArrayParameter.texts())
        let (clocks, vectors, bodies) = (ArrayParameter.bytes(), embeddings.array(), ArrayParameter.texts())
        for entry in entries {
            let change = entry.change
            let clock = change.clock.storedForm
            positions.append(entry.position.microseconds)
            times.append(change.updatedAt)
            sizes.append(Int64(VersionRow.encodedBytesEstimate(entry, clockBytes: clock.count)))
            kinds.append(change.kind)
            ids.append(change.id)
            hashes.append(change.hash)
            clocks.append(clock)
            embeddings.append(change.embedding, to: vectors)
            change.body.withUnsafeBytes { bodies.append($0) }
        }
        for array in [positions, times, sizes, kinds, ids, hashes, clocks, vectors, bodies] { parameters.add(array) }
    }

    private func addPlaces(to parameters: inout Parameters) {
        let versions = ArrayParameter.numbers()
        let flags = (0..<3).map { _ in ArrayParameter.flags() }
        let texts = (0..<5).map { _ in ArrayParameter.texts() }
        let (accesses, owners) = (ArrayParameter.numbers(), ArrayParameter.texts())
        for entry in entries {
            versions.append(Int64(entry.change.schemaVersion))
            flags[0].append(entry.isSibling)
            flags[1].append(entry.change.isDeleted)
            flags[2].append(entry.change.embedding != nil)
            texts[0].append(entry.change.namespace)
            texts[1].append(entry.author)
            texts[2].append(entry.change.writer)
            texts[3].append(entry.reason.rawValue)
            texts[4].append(entry.detail)
            accesses.append(entry.storedAccess)
            owners.append(entry.owner)
        }
        for array in [ArrayParameter.texts(spaces), versions] + flags + texts + [accesses, owners] {
            parameters.add(array)
        }
    }
}
