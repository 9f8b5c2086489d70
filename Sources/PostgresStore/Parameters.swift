internal import CPostgres
internal import Causality

/// Object identifiers of the types that we send, fixed in every Postgres (`pg_type.dat`).
enum TypeID {
    static let bool: Oid = 16
    static let bytea: Oid = 17
    static let int8: Oid = 20
    static let text: Oid = 25
    static let boolArray: Oid = 1000
    static let byteaArray: Oid = 1001
    static let textArray: Oid = 1009
    static let int8Array: Oid = 1016
}

/// The values for a statement's `$1`, `$2` and so on, in binary format.
struct Parameters {
    private enum Value {
        case null
        /// Where it lies in `scalars`.
        case scalar(offset: Int, count: Int)
        case array(ArrayParameter)
    }

    private(set) var types: [Oid] = []
    private var values: [Value] = []
    private let scalars = WireBuffer(capacity: 64)

    init() {}

    /// About what they take on the way.
    var byteCount: Int {
        values.reduce(scalars.count) { sum, value in
            if case .array(let array) = value { sum + array.byteCount } else { sum }
        }
    }

    mutating func add(_ number: Int64?) {
        add(TypeID.int8, number == nil) { $0.append(number ?? 0) }
    }

    mutating func add(_ position: Position?) { add(position?.microseconds) }

    mutating func add(_ flag: Bool?) {
        add(TypeID.bool, flag == nil) { $0.append(flag == true ? UInt8(1) : 0) }
    }

    mutating func add(_ text: String?) {
        add(TypeID.text, text == nil) { $0.append(utf8: text ?? "") }
    }

    mutating func add(_ name: Identifier?) { add(name?.text) }

    mutating func add(bytes: [UInt8]?) {
        add(TypeID.bytea, bytes == nil) { buffer in bytes?.withUnsafeBytes { buffer.append($0) } }
    }

    mutating func add(_ array: ArrayParameter) {
        types.append(array.type)
        values.append(.array(array))
    }

    private mutating func add(_ type: Oid, _ isNull: Bool, _ write: (WireBuffer) -> Void) {
        types.append(type)
        guard !isNull else {
            values.append(.null)
            return
        }
        let offset = scalars.count
        write(scalars)
        values.append(.scalar(offset: offset, count: scalars.count - offset))
    }

    /// The values as libpq takes them: pointers, lengths, formats.
    func withValues<Result>(
        _ body: (Int32, [UnsafePointer<CChar>?], [Int32], [Int32]) -> Result
    ) -> Result {
        var pointers: [UnsafePointer<CChar>?] = []
        var lengths: [Int32] = []
        pointers.reserveCapacity(values.count)
        lengths.reserveCapacity(values.count)
        for value in values {
            switch value {
            case .null:
                pointers.append(nil)
                lengths.append(0)
            case .scalar(let offset, let count):
                pointers.append(UnsafePointer((scalars.base + offset).assumingMemoryBound(to: CChar.self)))
                lengths.append(Int32(clamping: count))
            case .array(let array):
                pointers.append(UnsafePointer(array.finished.base.assumingMemoryBound(to: CChar.self)))
                lengths.append(Int32(clamping: array.byteCount))
            }
        }
        return withExtendedLifetime(self) {
            body(Int32(clamping: values.count), pointers, lengths, Array(repeating: 1, count: values.count))
        }
    }
}

/// An array of one dimension in Postgres' binary format: int32 dimensions, int32 whether there are nulls, oid of the
/// elements, int32 count, int32 lower bound; then each element with its int32 length before it, -1 for a null.
///
/// A reference: what is appended to a copy is appended to all.
struct ArrayParameter {
    /// Largest value that the protocol takes, and the server: 1 GiB less a bit. Callers stay far under it.
    static let headerBytes = 20

    let type: Oid
    private let elementType: Oid
    private let storage = Storage()

    private final class Storage {
        let buffer = WireBuffer(capacity: 1_024)
        var count: Int32 = 0
        var hasNull: Int32 = 0
    }

    private init(_ type: Oid, of elementType: Oid) {
        self.type = type
        self.elementType = elementType
        removeAll()
    }

    static func texts() -> ArrayParameter { ArrayParameter(TypeID.textArray, of: TypeID.text) }
    static func numbers() -> ArrayParameter { ArrayParameter(TypeID.int8Array, of: TypeID.int8) }
    static func flags() -> ArrayParameter { ArrayParameter(TypeID.boolArray, of: TypeID.bool) }
    static func bytes() -> ArrayParameter { ArrayParameter(TypeID.byteaArray, of: TypeID.bytea) }
    /// Of a type that an extension brought: its oids are the database's own.
    static func values(of elementType: Oid, array type: Oid) -> ArrayParameter {
        ArrayParameter(type, of: elementType)
    }

    static func texts(_ names: some Sequence<Identifier>) -> ArrayParameter {
        let array = texts()
        for name in names { array.append(name) }
        return array
    }

    static func numbers(_ values: some Sequence<Int64>) -> ArrayParameter {
        let array = numbers()
        for value in values { array.append(value) }
        return array
    }

    var count: Int { Int(storage.count) }
    var byteCount: Int { storage.buffer.count }

    func append(_ number: Int64) {
        storage.count += 1
        storage.buffer.append(Int32(8))
        storage.buffer.append(number)
    }

    func append(_ flag: Bool) {
        storage.count += 1
        storage.buffer.append(Int32(1))
        storage.buffer.append(flag ? UInt8(1) : 0)
    }

    func append(_ text: String) {
        storage.count += 1
        storage.buffer.append(Int32(clamping: text.utf8.count))
        storage.buffer.append(utf8: text)
    }

    func append(_ name: Identifier) { append(name.text) }

    func append(_ bytes: UnsafeRawBufferPointer) {
        storage.count += 1
        storage.buffer.append(Int32(clamping: bytes.count))
        storage.buffer.append(bytes)
    }

    func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

    /// A value of `byteCount` bytes that `write` appends.
    func append(byteCount: Int, _ write: (WireBuffer) -> Void) {
        storage.count += 1
        storage.buffer.append(Int32(clamping: byteCount))
        write(storage.buffer)
    }

    func appendNull() {
        storage.count += 1
        storage.hasNull = 1
        storage.buffer.append(Int32(-1))
    }

    /// Empties it for the next slice and keeps its memory.
    func removeAll() {
        storage.count = 0
        storage.hasNull = 0
        storage.buffer.removeAll()
        for field in [1, 0, Int32(bitPattern: elementType), 0, 1] { storage.buffer.append(field) }
    }

    fileprivate var finished: WireBuffer {
        storage.buffer.set(storage.hasNull, at: 4)
        storage.buffer.set(storage.count, at: 12)
        return storage.buffer
    }
}
