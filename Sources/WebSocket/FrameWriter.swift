/// Writes frames; the octets are drawn at `FrameHeader`.
public enum FrameWriter {
    /// Appends a header, its length in the shortest form (RFC 6455 5.2).
    public static func appendHeader(
        opcode: Opcode, fin: Bool = true, reservedBits: ReservedBits = [], payloadCount: Int, maskKey: UInt32? = nil,
        into bytes: inout [UInt8]
    ) {
        bytes.append((fin ? 0x80 : 0) | reservedBits.rawValue | opcode.rawValue)
        let maskBit: UInt8 = maskKey == nil ? 0 : 0x80
        if payloadCount < 126 {
            bytes.append(maskBit | UInt8(truncatingIfNeeded: payloadCount))
        } else if payloadCount < 65_536 {
            bytes.append(maskBit | 126)
            appendBigEndian(UInt64(payloadCount), octets: 2, into: &bytes)
        } else {
            bytes.append(maskBit | 127)
            appendBigEndian(UInt64(payloadCount), octets: 8, into: &bytes)
        }
        if let maskKey { appendBigEndian(UInt64(maskKey), octets: 4, into: &bytes) }
    }

    /// Appends a whole frame, its payload masked when there is a key.
    public static func append(
        opcode: Opcode, fin: Bool = true, reservedBits: ReservedBits = [], payload: UnsafeRawBufferPointer,
        maskKey: UInt32? = nil, into bytes: inout [UInt8]
    ) {
        appendHeader(
            opcode: opcode, fin: fin, reservedBits: reservedBits, payloadCount: payload.count, maskKey: maskKey,
            into: &bytes)
        let start = bytes.count
        bytes.append(contentsOf: payload)
        if let maskKey {
            bytes.withUnsafeMutableBytes { Mask.apply(key: maskKey, to: .init(rebasing: $0[start...])) }
        }
    }

    /// Appends a whole frame, its payload masked when there is a key.
    public static func append(
        opcode: Opcode, fin: Bool = true, reservedBits: ReservedBits = [], payload: [UInt8], maskKey: UInt32? = nil,
        into bytes: inout [UInt8]
    ) {
        payload.withUnsafeBytes {
            append(
                opcode: opcode, fin: fin, reservedBits: reservedBits, payload: $0, maskKey: maskKey, into: &bytes)
        }
    }

    /// A whole text frame as a server sends it: unmasked, so encoded once for a whole room.
    public static func serverTextFrame(_ payload: [UInt8]) -> [UInt8] {
        serverFrame(.text, payload)
    }

    /// A whole binary frame as a server sends it.
    public static func serverBinaryFrame(_ payload: [UInt8]) -> [UInt8] {
        serverFrame(.binary, payload)
    }

    /// A message as a server sends it to all who agreed on the same window and on no context: compressed once for a whole
    /// room, or as it is where that is shorter. Appended to `bytes`.
    public static func appendServerText(
        _ payload: [UInt8], windowBits: Int, by shared: SharedDeflate, into bytes: inout [UInt8]
    ) {
        var compressed: [UInt8] = []
        guard payload.count >= SharedDeflate.messageBytesMin,
            payload.withUnsafeBytes({ shared.compress($0, windowBits: windowBits, into: &compressed) })
        else { return append(opcode: .text, payload: payload, into: &bytes) }
        append(opcode: .text, reservedBits: .first, payload: compressed, into: &bytes)
    }

    private static func serverFrame(_ opcode: Opcode, _ payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count + 10)
        append(opcode: opcode, payload: payload, into: &bytes)
        return bytes
    }

    private static func appendBigEndian(_ value: UInt64, octets: Int, into bytes: inout [UInt8]) {
        var shift = (octets - 1) * 8
        while shift >= 0 {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
            shift -= 8
        }
    }
}
