/// What a frame is (RFC 6455 5.2). 3 to 7 and 11 to 15 are reserved.
public enum Opcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// RFC 6455 5.5: "opcodes where the most significant bit of the opcode is 1".
    public var isControl: Bool { rawValue & 0x8 != 0 }
}

/// The head of a frame (RFC 6455 5.2).
///
///     octet 0      FIN 0x80, RSV1 0x40, RSV2 0x20, RSV3 0x10, opcode 0x0F
///     octet 1      MASK 0x80, length 0x7F
///     126          2 octets of length follow, big-endian, at least 126
///     127          8 octets of length follow, big-endian, at least 65,536, top bit 0
///     MASK         4 octets of key follow
struct FrameHeader {
    /// 2 + 8 + 4.
    static let bytesMax = 14

    let fin: Bool
    let reservedBits: ReservedBits
    let opcodeBits: UInt8
    let maskKey: UInt32?
    /// As announced; the top bit may be set.
    let length: UInt64
    /// False when a shorter form of the length would have done.
    let isMinimal: Bool

    /// How many octets the header has whose first two are given.
    static func count(second: UInt8) -> Int {
        let length = second & 0x7F
        return 2 + (length == 127 ? 8 : length == 126 ? 2 : 0) + (second & 0x80 != 0 ? 4 : 0)
    }

    /// - Parameter bytes: exactly `count(second:)` octets.
    init(_ bytes: UnsafeRawBufferPointer) {
        fin = bytes[0] & 0x80 != 0
        reservedBits = ReservedBits(rawValue: bytes[0])
        opcodeBits = bytes[0] & 0x0F
        let short = bytes[1] & 0x7F
        switch short {
        case 126:
            length = UInt64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            isMinimal = length >= 126
        case 127:
            length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            isMinimal = length >= 65_536
        default:
            length = UInt64(short)
            isMinimal = true
        }
        maskKey =
            bytes[1] & 0x80 != 0
            ? UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 4, as: UInt32.self)) : nil
    }
}
