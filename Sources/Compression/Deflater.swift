internal import CZlib

/// Compresses bytes. One stream of zlib, some 270 KiB at the largest window: shared by all that a thread compresses, and
/// reset in between.
public final class Deflater {
    public enum Flush: Sendable {
        /// Up to a byte, so that all that was given can be inflated; more may follow. It ends with 00 00 FF FF.
        case sync
        /// The end of the stream.
        case finish
    }

    /// Bytes that are taken from zlib at once.
    static let pieceBytes = 16 << 10

    private let stream: UnsafeMutablePointer<z_stream>
    private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Deflater.pieceBytes, alignment: 16)

    /// - Parameters:
    ///   - level: 1, the fastest, to 9.
    ///   - memoryLevel: 1 to 9, zlib's: 8 is its own choice; less makes a reset cheaper and long input larger.
    public init(_ format: CompressionFormat, level: Int, memoryLevel: Int = 8) throws(CompressionError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard let bits = format.windowBits else { throw .windowUnsupported }
        let status = carillon_deflate_init(
            stream, Int32(min(max(level, 1), 9)), bits, Int32(min(max(memoryLevel, 1), 9)))
        guard status == Z_OK else { throw status == Z_MEM_ERROR ? .outOfMemory : .windowUnsupported }
    }

    deinit {
        // Of a stream that could not be made too: it then refuses, and frees nothing.
        deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
        piece.deallocate()
    }

    /// Forgets all that was compressed. Nothing is freed.
    public func reset() { deflateReset(stream) }

    /// Appends what comes of `input` to `bytes`.
    public func deflate(_ input: UnsafeRawBufferPointer, _ flush: Flush, into bytes: inout [UInt8]) {
        var rest = input
        repeat {
            // zlib counts in 32 bits.
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
            deflatePart(part, rest.isEmpty ? (flush == .finish ? Z_FINISH : Z_SYNC_FLUSH) : Z_NO_FLUSH, into: &bytes)
        } while !rest.isEmpty
    }

    private func deflatePart(_ part: UnsafeRawBufferPointer, _ flush: Int32, into bytes: inout [UInt8]) {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: part.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(part.count)
        repeat {
            stream.pointee.next_out = piece.assumingMemoryBound(to: UInt8.self).baseAddress
            stream.pointee.avail_out = UInt32(piece.count)
            // It fails only where there is nothing to do: then nothing comes out, and the loop ends.
            _ = CZlib.deflate(stream, flush)
            bytes.append(contentsOf: piece[..<(piece.count - Int(stream.pointee.avail_out))])
        } while stream.pointee.avail_out == 0
        stream.pointee.next_in = nil
    }
}
