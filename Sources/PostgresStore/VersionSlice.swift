internal import Causality
internal import Storage

/// Entries of one space on their way into `versions`: what differs as arrays, what is the same for all as single values.
///
/// One device's push has one author and one namespace, and nearly every entry is a head with the same reason: nine arrays
/// are sent and unnested instead of eighteen.
enum VersionSlice {
    private static let columns = """
        space, position, updated_at, bytes, kind, id, hash, clock, embedding, body,
        schema_version, is_sibling, is_deleted, is_embedded, namespace, author, writer, reason, detail
        """

    static let insertionAlike = Statement(
        """
        INSERT INTO versions (\(columns))
        SELECT $1, a.*, $11, $12, $13, $14, $15, $16, $17, $18, $19
        FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10) AS a
        """)
    static let insertion = Statement(
        """
        INSERT INTO versions (\(columns)) SELECT $1, a.* FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
            $14, $15, $16, $17, $18, $19) AS a
        """)

    /// The statement that inserts `entries`, which are not none.
    static func insertion(
        of entries: ArraySlice<LogEntry>, in space: Identifier, _ embeddings: EmbeddingColumn
    ) -> (Statement, Parameters) {
        var parameters = Parameters(space)
        addContents(of: entries, embeddings, to: &parameters)
        guard let first = entries.first, entries.allSatisfy({ isAlike($0, first) }) else {
            addPlaces(of: entries, to: &parameters)
            return (insertion, parameters)
        }
        parameters.add(Int64(first.change.schemaVersion))
        parameters.add(first.isSibling)
        parameters.add(first.change.isDeleted)
        parameters.add(first.change.embedding != nil)
        parameters.add(first.change.namespace)
        parameters.add(first.author)
        parameters.add(first.change.writer)
        parameters.add(first.reason.rawValue)
        parameters.add(first.detail)
        return (insertionAlike, parameters)
    }

    private static func isAlike(_ one: LogEntry, _ other: LogEntry) -> Bool {
        let (left, right) = (one.change, other.change)
        return one.isSibling == other.isSibling && one.reason == other.reason && one.author == other.author
            && left.isDeleted == right.isDeleted && left.schemaVersion == right.schemaVersion
            && left.namespace == right.namespace && left.writer == right.writer && one.detail == other.detail
            && (left.embedding == nil) == (right.embedding == nil)
    }

    private static func addContents(
        of entries: ArraySlice<LogEntry>, _ embeddings: EmbeddingColumn, to parameters: inout Parameters
    ) {
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

    private static func addPlaces(of entries: ArraySlice<LogEntry>, to parameters: inout Parameters) {
        let versions = ArrayParameter.numbers()
        let flags = (0..<3).map { _ in ArrayParameter.flags() }
        let texts = (0..<5).map { _ in ArrayParameter.texts() }
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
        }
        for array in [versions] + flags + texts { parameters.add(array) }
    }
}
