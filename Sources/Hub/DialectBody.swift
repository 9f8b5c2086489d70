/// The body of a request to a dialect, or of its answer.
public struct DialectBody: Sendable {
    private let bytes: [UInt8]

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public var count: Int { bytes.count }

    /// All of it, where it is no longer than `bytesMax`.
    ///
    /// - Throws: ``DialectError/tooLarge(bytesMax:)``; ``DialectError/internal`` where it cannot be read.
    public func whole(bytesMax: Int) throws(DialectError) -> [UInt8] {
        guard count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
        return bytes
    }

    /// Up to `countMax` bytes from `offset` on; none at the end.
    public func read(from offset: Int, countMax: Int) throws(DialectError) -> ArraySlice<UInt8> {
        guard offset < count else { return [] }
        return bytes[offset..<min(count, offset + countMax)]
    }
}

/// A long answer that is put together piece by piece; what does not fit into memory waits in a file.
public final class DialectBodyWriter {
    private var bytes: [UInt8] = []

    public init() {}

    public func append(_ piece: [UInt8]) throws(DialectError) {
        bytes += piece
    }

    /// What was written. The writer is done with.
    public func finish() throws(DialectError) -> DialectBody { DialectBody(bytes) }
}
