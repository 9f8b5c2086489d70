internal import CZlib

/// Inflates bytes, however they come, within a bound. Some 10 KiB, 32 KiB more once something long has come out.
public final class Inflater {
    /// Bytes that are taken from zlib at once: how far a bomb gets past its bound.
    static let pieceBytes = 16 << 10

    private let stream: UnsafeMutablePointer<z_stream>
    private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Inflater.pieceBytes, alignment: 16)
    private let isGzip: Bool
    private var bound = InflateBound(bytesMax: 0)
    /// Since the last ``begin(within:)``.
    public private(set) var takenBytes = 0
    public private(set) var madeBytes = 0
    private var isInside = false

    /// - Parameter format: a window of 15 inflates what any window has made.
    public init(_ format: CompressionFormat) throws(CompressionError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        isGzip = format == .gzip
        guard let bits = format.windowBits else { throw .windowUnsupported }
        let status = carillon_inflate_init(stream, bits)
        guard status == Z_OK else { throw status == Z_MEM_ERROR ? .outOfMemory : .windowUnsupported }
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
        piece.deallocate()
    }

    /// Forgets all that was inflated.
    public func reset() {
        inflateReset(stream)
        isInside = false
    }

    /// What comes from here on is bounded anew. The window stays: what follows may refer to what was before.
    public func begin(within bound: InflateBound) {
        self.bound = bound
        (takenBytes, madeBytes) = (0, 0)
    }

    /// Whether the bytes so far are whole. Of gzip: a member has ended and no other begun. Of bare DEFLATE: a block has.
    public var isWhole: Bool { isGzip ? !isInside : !isInside || stream.pointee.data_type & 128 != 0 }

    /// Whether a stream has ended with the last byte: a final block, or a gzip member.
    public var isWholeStream: Bool { !isInside }

    /// Gives what comes of `input` to `take`, a piece at a time; each is within the bound.
    ///
    /// A stream that ends is followed by another: gzip has members (RFC 1952 2.2), and a message may have a final block
    /// and go on (RFC 7692 7.2.3.4), for which the window is kept.
    public func inflate(
        _ input: UnsafeRawBufferPointer, into take: (UnsafeRawBufferPointer) -> Void
    ) throws(CompressionError) {
        var rest = input
        while !rest.isEmpty {
            // zlib counts in 32 bits.
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
            try inflatePart(part, into: take)
        }
    }

    private func inflatePart(
        _ part: UnsafeRawBufferPointer, into take: (UnsafeRawBufferPointer) -> Void
    ) throws(CompressionError) {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: part.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(part.count)
        defer { (stream.pointee.next_in, stream.pointee.avail_in) = (nil, 0) }
        while true {
            let before = stream.pointee.avail_in
            stream.pointee.next_out = piece.assumingMemoryBound(to: UInt8.self).baseAddress
            stream.pointee.avail_out = UInt32(piece.count)
            let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
            let made = piece.count - Int(stream.pointee.avail_out)
            takenBytes += Int(before - stream.pointee.avail_in)
            madeBytes += made
            try bound.check(made: madeBytes, of: takenBytes)
            if made > 0 { take(UnsafeRawBufferPointer(rebasing: piece[..<made])) }
            switch status {
            case Z_OK:
                isInside = true
                if stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 { return }
            case Z_STREAM_END:
                isInside = false
                if isGzip { inflateReset(stream) } else { inflateResetKeep(stream) }
                if stream.pointee.avail_in == 0 { return }
                isInside = true
            // All was taken in, and nothing waits to come out.
            case Z_BUF_ERROR where stream.pointee.avail_in == 0: return
            case Z_MEM_ERROR: throw .outOfMemory
            default: throw .invalid
            }
        }
    }
}
