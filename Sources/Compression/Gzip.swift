internal import CZlib

/// A part of a gzip member, compressed by itself: any thread may make it, and none waits for the one before.
public struct GzipPiece: Sendable {
    public let bytes: [UInt8]
    let checksum: UInt
    let plainBytes: Int

    /// - Parameter deflater: of bare DEFLATE; it is reset before.
    public init(_ plain: UnsafeRawBufferPointer, by deflater: Deflater) {
        var bytes: [UInt8] = []
        deflater.reset()
        // Up to a byte, and no last block: what follows may stand behind it (RFC 1951 3.2.4).
        deflater.deflate(plain, .sync, into: &bytes)
        self.bytes = bytes
        plainBytes = plain.count
        var checksum = crc32(0, nil, 0)
        var rest = plain
        while !rest.isEmpty {
            let part = rest.prefix(1 << 30)
            checksum = UnsafeRawBufferPointer(rebasing: part).withMemoryRebound(to: UInt8.self) {
                crc32(checksum, $0.baseAddress, UInt32($0.count))
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
        }
        self.checksum = checksum
    }
}

/// A gzip member (RFC 1952) put together of pieces: the header, the pieces in order, the trailer.
///
///     1F 8B 08 00  00 00 00 00  00 FF      no name, no time, of an unknown system
///     pieces                               DEFLATE blocks, none the last one
///     03 00                                an empty last block
///     4 bytes      CRC-32 of the plain bytes, little-endian
///     4 bytes      how many they were, modulo 2 to the 32, little-endian
public struct Gzip: Sendable {
    public static let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]

    private var checksum: UInt = 0
    private var plainBytes = 0

    public init() {}

    /// The piece is the next one.
    public mutating func add(_ piece: GzipPiece) {
        checksum = crc32_combine(checksum, piece.checksum, piece.plainBytes)
        plainBytes += piece.plainBytes
    }

    public var trailer: [UInt8] {
        var bytes: [UInt8] = [3, 0]
        for number in [UInt32(truncatingIfNeeded: checksum), UInt32(truncatingIfNeeded: plainBytes)] {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// `plain` as one member.
    ///
    /// - Parameter deflater: of bare DEFLATE.
    public static func member(of plain: [UInt8], by deflater: Deflater) -> [UInt8] {
        let piece = plain.withUnsafeBytes { GzipPiece($0, by: deflater) }
        var gzip = Gzip()
        gzip.add(piece)
        return header + piece.bytes + gzip.trailer
    }
}
