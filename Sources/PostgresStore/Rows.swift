internal import CPostgres
internal import Causality

/// A statement's result, owned: read in place, without copies, in binary format.
///
/// Columns are counted from 0. A value of another width than asked for reads as 0: the statements are ours, and each
/// casts what it selects.
final class Rows {
    private let result: OpaquePointer
    let count: Int

    /// Takes the result over.
    init(_ result: OpaquePointer) {
        self.result = result
        count = Int(PQntuples(result))
    }

    deinit { PQclear(result) }

    /// How many rows an INSERT, UPDATE or DELETE touched.
    var affected: Int { PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0 }

    /// As `COMMIT` or `INSERT 0 3`.
    var commandTag: String { PQcmdStatus(result).map { String(cString: $0) } ?? "" }

    subscript(index: Int) -> Row { Row(rows: self, index: Int32(clamping: index)) }

    var first: Row? { count > 0 ? self[0] : nil }

    fileprivate func value(_ row: Int32, _ column: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    }

    fileprivate func isNull(_ row: Int32, _ column: Int32) -> Bool { PQgetisnull(result, row, column) == 1 }
}

extension Rows: Sequence {
    func makeIterator() -> AnyIterator<Row> {
        var index = 0
        return AnyIterator {
            guard index < self.count else { return nil }
            defer { index += 1 }
            return self[index]
        }
    }
}

/// One row of ``Rows``, which it keeps alive.
struct Row {
    fileprivate let rows: Rows
    fileprivate let index: Int32

    func isNull(_ column: Int32) -> Bool { rows.isNull(index, column) }

    func byteCount(_ column: Int32) -> Int { rows.value(index, column).count }

    /// The bytes of the value, valid inside `body` only; empty for NULL.
    func withBytes<Value, Failure: Error>(
        _ column: Int32, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        defer { withExtendedLifetime(rows) {} }
        return try body(rows.value(index, column))
    }

    func bytes(_ column: Int32) -> [UInt8] { withBytes(column) { Array($0) } }

    func number(_ column: Int32) -> Int64 {
        withBytes(column) { bytes in
            switch bytes.count {
            case 8: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
            case 4: Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
            default: 0
            }
        }
    }

    func optionalNumber(_ column: Int32) -> Int64? { isNull(column) ? nil : number(column) }

    func position(_ column: Int32) -> Position { Position(number(column)) }

    func optionalPosition(_ column: Int32) -> Position? { optionalNumber(column).map { Position($0) } }

    func flag(_ column: Int32) -> Bool { withBytes(column) { $0.first == 1 } }

    func text(_ column: Int32) -> String { withBytes(column) { String(decoding: $0, as: UTF8.self) } }

    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    func name(_ column: Int32) -> Identifier { Identifier(unchecked: text(column)) }
}
