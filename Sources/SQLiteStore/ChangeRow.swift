internal import Causality
internal import Storage

/// How a change lies in neighbouring columns of `versions` and of `history`; its kind and id are part of their keys. The
/// body is last: what is read without it touches no overflow page.
enum ChangeRow {
    private static let decisive = "namespace, clock, hash, flags, updated_at, schema_version, writer, "
    static let columns = decisive + "embedding, body"

    /// As ``columns``, without the content: no embedding and an empty body.
    static let columnsWithoutContent = decisive + "NULL, x''"

    // In `flags`, before the body, so that deciding reads it: a column behind the body would cost its overflow pages.
    static let isDeleted: Int64 = 1
    /// ``LogEntry/storedAccess`` begins at this bit.
    static let accessShift: Int64 = 1

    /// Binds the columns to the parameters from `first` on, counted from 1.
    ///
    /// - Parameter flags: of an entry, beside those of its change.
    static func bind(_ change: Change, to statement: HotStatement, from first: CInt, flags: Int64 = 0) {
        statement.bind(first, change.namespace)
        change.clock.storedForm.withUnsafeBytes { statement.bind(first + 1, $0) }
        statement.bind(first + 2, change.hash)
        statement.bind(first + 3, flags | (change.isDeleted ? isDeleted : 0))
        statement.bind(first + 4, change.updatedAt)
        statement.bind(first + 5, Int64(change.schemaVersion))
        statement.bind(first + 6, change.writer)
        if let embedding = change.embedding {
            StoredEmbedding.withBytes(embedding) { statement.bind(first + 7, $0) }
        } else {
            statement.bindNull(first + 7)
        }
        change.body.withUnsafeBytes { statement.bind(first + 8, $0) }
    }

    /// The change in the columns from `first` on, counted from 0.
    ///
    /// - Parameter place: where it stands, for the error of a damaged row.
    static func change(
        _ row: HotStatement, from first: CInt, kind: Identifier, id: Identifier, place: @autoclosure () -> String
    ) throws(StoreError) -> Change {
        guard let clock = VectorClock(storedForm: row.bytes(first + 1)) else {
            throw .corrupt("the clock \(place()) is damaged")
        }
        var embedding: [Float]?
        if !row.isNull(first + 7) {
            embedding = StoredEmbedding.embedding(row.bytes(first + 7))
            if embedding == nil { throw .corrupt("the embedding \(place()) is damaged") }
        }
        return Change(
            kind: kind, id: id, namespace: row.name(first), clock: clock, hash: row.name(first + 2),
            body: ArraySlice(Array(row.bytes(first + 8))), isDeleted: row.number(first + 3) & isDeleted != 0,
            updatedAt: row.number(first + 4), schemaVersion: Int(row.number(first + 5)), embedding: embedding,
            writer: row.name(first + 6))
    }
}
