/// A name on the wire: of a kind, a record, a namespace, a replica, a device or a space.
///
/// Two identifiers are equal when their UTF-8 bytes are. `String` compares by canonical equivalence, which would make
/// one key in memory of what is two keys in every database.
public struct Identifier: Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// Longest identifier, in UTF-8 bytes: four of them fit a database's index key with room to spare.
    public static let bytesMax = 256

    public let text: String

    /// Takes `text` as it is. For literals and for text that was checked before it was stored.
    public init(unchecked text: String) {
        self.text = text
    }

    /// Checks text that a peer sent: 1 to ``bytesMax`` bytes, no control characters (a NUL cannot be stored
    /// everywhere, a line break forges log lines).
    public init(_ text: String) throws(IdentifierError) {
        let count = text.utf8.count
        guard count > 0 else { throw .empty }
        guard count <= Identifier.bytesMax else { throw .tooLong(bytes: count) }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { throw .controlCharacter }
        self.text = text
    }

    public init(stringLiteral value: String) {
        self.text = value
    }

    public var description: String { text }
}

/// Why a text is no ``Identifier``.
public enum IdentifierError: Error, Equatable, Sendable {
    case empty
    case tooLong(bytes: Int)
    case controlCharacter

    public var sentence: String {
        switch self {
        case .empty: "it is empty"
        case .tooLong(let bytes): "it has \(bytes) bytes, over the limit of \(Identifier.bytesMax)"
        case .controlCharacter: "it holds a control character"
        }
    }
}

extension Identifier: Hashable, Comparable {
    public static func == (left: Identifier, right: Identifier) -> Bool {
        // Word by word: `elementsEqual` over the two views took 5 % of a hub's time.
        let isSame = left.text.utf8.withContiguousStorageIfAvailable { left in
            right.text.utf8.withContiguousStorageIfAvailable { right in
                hasSameBytes(UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
            }
        }
        // Nil where a text came from elsewhere and is not stored as UTF-8.
        return (isSame ?? nil) ?? left.text.utf8.elementsEqual(right.text.utf8)
    }

    private static func hasSameBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        var offset = 0
        while offset + 8 <= left.count {
            let isSame =
                left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                == right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard isSame else { return false }
            offset += 8
        }
        while offset < left.count {
            guard left[offset] == right[offset] else { return false }
            offset += 1
        }
        return true
    }

    public static func < (left: Identifier, right: Identifier) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xff as UInt8)
    }
}
