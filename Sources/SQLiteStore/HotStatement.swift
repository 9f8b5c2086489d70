internal import Causality
internal import GRDB
internal import GRDBSQLite
internal import Storage

/// A cached statement, bound and stepped by hand.
///
/// GRDB's own way boxes every argument and row.
/// Not to be used beyond its database access. Every use ends in `reset`.
struct HotStatement {
    private let pointer: OpaquePointer
    private let connection: OpaquePointer?

    init(_ sql: String, _ database: Database) throws(StoreError) {
        do {
            pointer = try database.cachedStatement(sql: sql).sqliteStatement
            connection = database.sqliteConnection
        } catch {
            throw StoreError(error)
        }
    }

    /// Whether there is a row to read.
    func step() throws(StoreError) -> Bool {
        let code = sqlite3_step(pointer)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let message = sqlite3_errmsg(connection).map { String(cString: $0) } ?? "no message"
            reset()
            throw StoreError(code: code, message: message)
        }
    }

    /// Ends the run and forgets nothing of what is bound.
    func reset() {
        sqlite3_reset(pointer)
    }

    func run() throws(StoreError) {
        _ = try step()
        reset()
    }

    // Parameters, counted from 1. A failed bind (out of memory) shows in the step that follows as a missing value of
    // a NOT NULL column.

    func bind(_ index: CInt, _ number: Int64) {
        sqlite3_bind_int64(pointer, index, number)
    }

    func bind(_ index: CInt, _ name: Identifier) {
        var text = name.text
        _ = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else { return sqlite3_bind_text(pointer, index, "", 0, nil) }
                return sqlite3_bind_text(pointer, index, start, CInt(characters.count), HotStatement.copies)
            }
        }
    }

    /// Without a copy.
    func bindStatic(_ index: CInt, _ text: StaticString) {
        _ = text.utf8Start.withMemoryRebound(to: CChar.self, capacity: text.utf8CodeUnitCount) { characters in
            sqlite3_bind_text(pointer, index, characters, CInt(text.utf8CodeUnitCount), nil)
        }
    }

    func bind(_ index: CInt, _ bytes: UnsafeRawBufferPointer) {
        if bytes.isEmpty {
            // A null pointer would bind NULL.
            sqlite3_bind_zeroblob(pointer, index, 0)
        } else {
            sqlite3_bind_blob64(pointer, index, bytes.baseAddress, UInt64(bytes.count), HotStatement.copies)
        }
    }

    func bindNull(_ index: CInt) {
        sqlite3_bind_null(pointer, index)
    }

    // Columns of the current row, counted from 0.

    func number(_ column: CInt) -> Int64 {
        sqlite3_column_int64(pointer, column)
    }

    func name(_ column: CInt) -> Identifier {
        let start = sqlite3_column_text(pointer, column)
        let count = Int(sqlite3_column_bytes(pointer, column))
        return Identifier(unchecked: String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
    }

    func isNull(_ column: CInt) -> Bool {
        sqlite3_column_type(pointer, column) == SQLITE_NULL
    }

    /// Valid until the next step.
    func bytes(_ column: CInt) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(pointer, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, column)))
    }

    func byteCount(_ column: CInt) -> Int {
        Int(sqlite3_column_bytes(pointer, column))
    }

    /// SQLITE_TRANSIENT, a macro that Swift does not see: SQLite copies what is bound.
    private static let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
