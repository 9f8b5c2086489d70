internal import Causality
internal import Wire

/// A commit's entries on a bus that carries payloads, so that no other hub reads them from the store.
///
///     1 byte    the format: 2
///     4 bytes   how many entries
///     each:     8 bytes position,
///               1 byte of flags: 1 a sibling, 2 deleted, 4 the record's first version, 8 shared once,
///               1 byte: the number of its visibility,
///               author, kind, namespace and owner, each of 2 bytes of length and as many bytes,
///               4 bytes of length and the entry as JSON, as `changes` frames hold it,
///               4 bytes of length and the entry as a deletion, none where nobody is told it as one
///
/// Numbers are little-endian. Every bound is checked when it is read: what is wrong is thrown away, and the store read.
enum ItemPayload {
    private static let format: UInt8 = 2

    /// Nil where it would be more than `bytesMax`.
    static func encode(_ items: [BroadcastItem], bytesMax: Int) -> [UInt8]? {
        var bytes: [UInt8] = [format]
        append(UInt32(truncatingIfNeeded: items.count), to: &bytes)
        for item in items {
            guard bytes.count + item.encoded.count + item.deletion.count < bytesMax else { return nil }
            append(UInt64(bitPattern: item.position.microseconds), to: &bytes)
            bytes.append(
                (item.isSibling ? 1 : 0) | (item.isDeleted ? 2 : 0) | (item.isFirst ? 4 : 0) | (item.wasShared ? 8 : 0))
            bytes.append(item.visibility.rawValue)
            for name in [item.author, item.kind, item.namespace, item.owner] {
                append(UInt16(truncatingIfNeeded: name.text.utf8.count), to: &bytes)
                bytes += name.text.utf8
            }
            append(UInt32(truncatingIfNeeded: item.encoded.count), to: &bytes)
            bytes += item.encoded
            append(UInt32(truncatingIfNeeded: item.deletion.count), to: &bytes)
            bytes += item.deletion
        }
        return bytes.count <= bytesMax ? bytes : nil
    }

    /// The entries, if they are of a stretch from `after` (left out) to `upTo` and each is whole.
    static func decode(_ payload: [UInt8], after: Position, upTo: Position, bytesMax: Int) -> [BroadcastItem]? {
        guard payload.count <= bytesMax else { return nil }
        var reader = PayloadReader(bytes: payload)
        guard reader.number(UInt8.self) == format, let count = reader.number(UInt32.self) else { return nil }
        var items: [BroadcastItem] = []
        var last = after
        for _ in 0..<count {
            guard let item = item(&reader), item.position > last, item.position <= upTo else { return nil }
            last = item.position
            items.append(item)
        }
        return reader.isAtEnd && !items.isEmpty ? items : nil
    }

    private static func item(_ reader: inout PayloadReader) -> BroadcastItem? {
        guard let position = reader.number(UInt64.self), position <= UInt64(Position.max.microseconds),
            let flags = reader.number(UInt8.self), flags < 16,
            let visibility = reader.number(UInt8.self).flatMap(Visibility.init(rawValue:)),
            let author = reader.name(mayBeEmpty: true), let kind = reader.name(), let namespace = reader.name(),
            let owner = reader.name(mayBeEmpty: true), let encoded = reader.object(), !encoded.isEmpty,
            let deletion = reader.object()
        else { return nil }
        return BroadcastItem(
            position: Position(Int64(position)), author: author, kind: kind, namespace: namespace, owner: owner,
            visibility: visibility, wasShared: flags & 8 != 0, isSibling: flags & 1 != 0, isDeleted: flags & 2 != 0,
            isFirst: flags & 4 != 0, encoded: encoded, deletion: deletion)
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }
}

private struct PayloadReader {
    let bytes: [UInt8]
    private var offset = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= bytes.count - offset else { return nil }
        defer { offset += count }
        return bytes[offset..<(offset + count)]
    }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
        bytes(MemoryLayout<Number>.size)?.reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// A JSON object, or nothing at all; nil where it is something else.
    mutating func object() -> ArraySlice<UInt8>? {
        guard let length = number(UInt32.self), let object = bytes(Int(length)) else { return nil }
        if object.isEmpty { return object }
        guard object.first == UInt8(ascii: "{"),
            object.withUnsafeBytes({ (try? JSONScanner.validate($0)) != nil })
        else { return nil }
        return object
    }

    mutating func name(mayBeEmpty: Bool = false) -> Identifier? {
        guard let length = number(UInt16.self), let raw = bytes(Int(length)),
            let text = String(validating: raw, as: UTF8.self)
        else { return nil }
        if text.isEmpty, mayBeEmpty { return Identifier(unchecked: "") }
        return try? Identifier(text)
    }
}
