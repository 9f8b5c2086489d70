internal import CPostgres
internal import Causality
internal import Glibc

/// `INSERT .. SELECT FROM unnest(..)` and nothing else: a statement of new rows, durable, prepared, binary.
///
/// The rows lie ready as they go over the wire; a turn writes new positions and ids into them. What is left is the
/// server's work and the disk's: the measure of ``Benchmark/postgres(conninfo:)``.
final class BareInsertion {
    private static let statement = """
        INSERT INTO versions (space, position, updated_at, bytes, kind, id, hash, clock, body, schema_version, is_sibling,
            is_deleted, is_embedded, namespace, author, writer, reason, detail)
        SELECT 'u_bench', a.*, 1, false, false, false, 'default', 'laptop', 'laptop.1', 'newer', ''
        FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[]) AS a
        """
    private static let (int8, text, bytea): (UInt32, UInt32, UInt32) = (20, 25, 17)
    private static let idBytes = 16

    private let schema: ScratchSchema
    private let plain: PlainConnection
    private let rows: Int
    private var number: Int64 = 0
    /// All arrays, one behind the other, and where each lies.
    private var bytes: [UInt8] = []
    private var places: [Range<Int>] = []

    init(_ schema: ScratchSchema, rows: Int, bodyBytes: Int) throws {
        self.schema = schema
        self.rows = rows
        plain = try PlainConnection(schema.conninfo)
        let changes = (0..<rows).map { Material.change($0 & 63, bodyBytes: bodyBytes) }
        let zero = [UInt8](repeating: 0, count: 8)
        add(BareInsertion.int8, changes.map { _ in zero })
        add(BareInsertion.int8, changes.map { BareInsertion.bigEndian($0.updatedAt) })
        add(BareInsertion.int8, changes.map { BareInsertion.bigEndian(Int64($0.body.count + 200)) })
        add(BareInsertion.text, changes.map { Array($0.kind.text.utf8) })
        let noID = [UInt8](repeating: UInt8(ascii: "0"), count: BareInsertion.idBytes)
        add(BareInsertion.text, changes.map { _ in noID })
        add(BareInsertion.text, changes.map { Array($0.hash.text.utf8) })
        // As long as a clock of one replica is.
        add(BareInsertion.bytea, changes.map { _ in [UInt8](repeating: 7, count: 11) })
        add(BareInsertion.text, changes.map { Array($0.body) })
        try plain.check(PQprepare(plain.connection, "bare", BareInsertion.statement, 8, nil))
    }

    private static func bigEndian(_ number: Int64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    /// One dimension, no nulls, lower bound 1; each element behind its length.
    private func add(_ elementType: UInt32, _ elements: [[UInt8]]) {
        let start = bytes.count
        for field in [1, 0, elementType, UInt32(elements.count), 1] {
            withUnsafeBytes(of: field.bigEndian) { bytes += $0 }
        }
        for element in elements {
            withUnsafeBytes(of: UInt32(element.count).bigEndian) { bytes += $0 }
            bytes += element
        }
        places.append(start..<bytes.count)
    }

    /// Inserts ``rows`` new rows.
    func run() throws {
        let headerBytes = 20
        let digits = Array("0123456789".utf8)
        for row in 0..<rows {
            number += 1
            let position = places[0].lowerBound + headerBytes + row * 12 + 4
            withUnsafeBytes(of: number.bigEndian) { bytes.replaceSubrange(position..<position + 8, with: $0) }
            var place = places[4].lowerBound + headerBytes + (row + 1) * (4 + BareInsertion.idBytes)
            var rest = number
            while rest > 0 {
                place -= 1
                bytes[place] = digits[Int(rest % 10)]
                rest /= 10
            }
        }
        let lengths = places.map { Int32($0.count) }
        let formats = [Int32](repeating: 1, count: places.count)
        let result = bytes.withUnsafeBytes { buffer in
            let values = places.map { place in
                buffer.baseAddress.map { ($0 + place.lowerBound).assumingMemoryBound(to: CChar.self) }
            }
            return PQexecPrepared(plain.connection, "bare", Int32(places.count), values, lengths, formats, 0)
        }
        try plain.check(result)
    }
}
