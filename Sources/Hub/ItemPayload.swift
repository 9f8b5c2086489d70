internal import Causality
internal import Wire

/// A commit's entries on a bus that carries payloads, so that no other hub reads them from the store.
///
///     1 byte    the format: 1
///     4 bytes   how many entries
///     each:     8 bytes position, 1 byte (1: a sibling, else 0),
///               author, kind and namespace, each of 2 bytes of length and as many bytes,
///               4 bytes of length and the entry as JSON, as `changes` frames hold it
///
/// Numbers are little-endian. Every bound is checked when it is read: what is wrong is thrown away, and the store read.
enum ItemPayload {
    private static let format: UInt8 = 1

    /// Nil where it would be more than `bytesMax`.
    static func encode(_ items: [BroadcastItem], bytesMax: Int) -> [UInt8]? {
        var bytes: [UInt8] = [format]
        append(UInt32(truncatingIfNeeded: items.count), to: &bytes)
        for item in items {
            guard bytes.count + item.encoded.count < bytesMax else { return nil }
            append(UInt64(bitPattern: item.position.microseconds), to: &bytes)
            bytes.append(item.isSibling ? 1 : 0)
            for name in [item.author, item.kind, item.namespace] {
                append(UInt16(truncatingIfNeeded: name.text.utf8.count), to: &bytes)
                bytes += name.text.utf8
            }
            append(UInt32(truncatingIfNeeded: item.encoded.count), to: &bytes)
            bytes += item.encoded
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
            let flags = reader.number(UInt8.self), flags <= 1,
            let author = reader.name(mayBeEmpty: true), let kind = reader.name(), let namespace = reader.name(),
            let length = reader.number(UInt32.self), let encoded = reader.bytes(Int(length)),
            encoded.first == UInt8(ascii: "{"),
            encoded.withUnsafeBytes({ (try? JSONScanner.validate($0)) != nil })
        else { return nil }
        return BroadcastItem(
            position: Position(Int64(position)), author: author, kind: kind, namespace: namespace,
            isSibling: flags == 1, encoded: encoded)
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

    mutating func name(mayBeEmpty: Bool = false) -> Identifier? {
        guard let length = number(UInt16.self), let raw = bytes(Int(length)),
            let text = String(validating: raw, as: UTF8.self)
        else { return nil }
        if text.isEmpty, mayBeEmpty { return Identifier(unchecked: "") }
        return try? Identifier(text)
    }
}
