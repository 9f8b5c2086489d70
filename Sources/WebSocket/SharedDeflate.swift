internal import Compression

/// What one thread compresses and inflates with, for all of its connections: an idle one that refers to no earlier
/// message has nothing of its own.
public final class SharedDeflate {
    /// zlib's level. Of frames of 400 to 900 bytes of JSON, levels 1 and 6 differ by 1 % in size; of 4 KiB by 6 %, for 1.8
    /// times the time, and of 60 KiB by a quarter, for 3.6 times. A hub saves time.
    public static let level = 1
    /// Bytes of a message below which it goes as it is: what it could lose is less than the packet's own headers.
    public static let messageBytesMin = 128
    /// How many times shorter a message may become. One that is denser goes as it is: a peer that bounds the ratio, as we
    /// do at twice this, would take it for a bomb, and never get past it. Default 100.
    public static let ratioMax = 100
    /// What every message ends with, and so is not sent (RFC 7692 7.2.1).
    static let tail: [UInt8] = [0, 0, 0xFF, 0xFF]

    /// Messages so far, for tests and metrics.
    public private(set) var compressedCount = 0
    public private(set) var inflatedCount = 0
    /// By window, 9 to 15; made when first wanted.
    private var deflaters = [Deflater?](repeating: nil, count: 7)
    private var inflater: Inflater?

    private let ratioMax: Int

    /// - Parameter ratioMax: default ``SharedDeflate/ratioMax``; more is for tests that send bombs.
    public init(ratioMax: Int = SharedDeflate.ratioMax) {
        self.ratioMax = ratioMax
    }

    /// Appends `payload` compressed to `bytes`, referring to nothing before; false, and nothing is appended, where that
    /// would not be shorter or too much so, or no stream is to be had.
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
        guard bytes.count - start < payload.count, !isTooDense(payload, bytes.count - start) else {
            bytes.removeLast(bytes.count - start)
            return false
        }
        return true
    }

    func isTooDense(_ payload: UnsafeRawBufferPointer, _ count: Int) -> Bool {
        payload.count / max(ratioMax, 1) > count
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
