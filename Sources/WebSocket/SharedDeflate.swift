internal import Compression

/// What one thread compresses and inflates with, for all of its connections: an idle one that refers to no earlier
/// message has nothing of its own.
public final class SharedDeflate {
    /// zlib's level. Of frames of 128 to 600 bytes the levels differ by 2 % in size; 1 is the cheapest for long ones.
    public static let level = 1
    /// Bytes of a message below which it goes as it is: what it could lose is less than the packet's own headers.
    public static let messageBytesMin = 128
    /// What every message ends with, and so is not sent (RFC 7692 7.2.1).
    static let tail: [UInt8] = [0, 0, 0xFF, 0xFF]

    /// Messages so far, for tests and metrics.
    public private(set) var compressedCount = 0
    public private(set) var inflatedCount = 0
    /// By window, 9 to 15; made when first wanted.
    private var deflaters = [Deflater?](repeating: nil, count: 7)
    private var inflater: Inflater?

    public init() {}

    /// Appends `payload` compressed to `bytes`, referring to nothing before; false, and nothing is appended, where that
    /// would not be shorter, or no stream is to be had.
    public func compress(
        _ payload: UnsafeRawBufferPointer, windowBits: Int, into bytes: inout [UInt8]
    ) -> Bool {
        let index = windowBits - 9
        guard deflaters.indices.contains(index) else { return false }
        if deflaters[index] == nil { deflaters[index] = Self.deflater(windowBits: windowBits) }
        guard let deflater = deflaters[index] else { return false }
        let start = bytes.count
        deflater.reset()
        compress(payload, by: deflater, into: &bytes)
        guard bytes.count - start < payload.count else {
            bytes.removeLast(bytes.count - start)
            return false
        }
        return true
    }

    static func deflater(windowBits: Int) -> Deflater? {
        try? Deflater(.deflate(windowBits: windowBits), level: level)
    }

    /// RFC 7692 7.2.1: compressed up to a byte, without the four that this always ends with.
    func compress(_ payload: UnsafeRawBufferPointer, by deflater: Deflater, into bytes: inout [UInt8]) {
        compressedCount += 1
        // RFC 7692 7.2.3.6: of nothing, zlib makes a block only once.
        guard !payload.isEmpty else { return bytes.append(0) }
        deflater.deflate(payload, .sync, into: &bytes)
        bytes.removeLast(Self.tail.count)
    }

    /// Inflates a whole message by `own`, or referring to nothing before.
    func inflate(
        _ payload: UnsafeRawBufferPointer, by own: Inflater?, within bound: InflateBound,
        into take: (UnsafeRawBufferPointer) -> Void
    ) throws(CompressionError) {
        let inflater: Inflater
        if let own { inflater = own } else { inflater = try sharedInflater() }
        inflatedCount += 1
        if own == nil { inflater.reset() }
        inflater.begin(within: bound)
        // RFC 7692 7.2.3.6 makes one octet of nothing; nothing is nothing too.
        guard !payload.isEmpty else { return }
        try inflater.inflate(payload, into: take)
        // RFC 7692 7.2.2. A message that ends with a final block needs none (7.2.3.4 wants an octet more; we do not).
        if !inflater.isWholeStream {
            var failure: CompressionError?
            Self.tail.withUnsafeBytes { tail in
                do throws(CompressionError) { try inflater.inflate(tail, into: take) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        guard inflater.isWhole else { throw .invalid }
    }

    private func sharedInflater() throws(CompressionError) -> Inflater {
        if let inflater { return inflater }
        let made = try Inflater(.deflate(windowBits: 15))
        inflater = made
        return made
    }
}
