/// A long answer that is put together piece by piece; what does not fit into memory waits in a file.
///
/// Of ``DialectDesk/bodyWriter()``. For one thread at a time.
public final class DialectBodyWriter {
    private let place: SpoolPlace
    private let memoryBytesMax: Int
    private var bytes: [UInt8] = []
    private var spool: Spool?
    private var count = 0

    /// Bytes that are gathered before they go to the file: some thousand records each.
    private static let pieceBytes = 256 << 10

    init(_ place: SpoolPlace, memoryBytesMax: Int) {
        self.place = place
        self.memoryBytesMax = memoryBytesMax
    }

    /// - Throws: ``DialectError/overloaded(retryAfterMs:)`` where all files together hold as much as they may,
    ///   ``DialectError/storageFull`` where the disk does.
    public func append(_ piece: some Collection<UInt8>) throws(DialectError) {
        count += piece.count
        if let spool, !spool.reserve(count) { throw .overloaded(retryAfterMs: 1_000) }
        bytes.append(contentsOf: piece)
        if spool == nil, count > memoryBytesMax {
            let spool = Spool(place)
            guard spool.reserve(count) else { throw .overloaded(retryAfterMs: 1_000) }
            self.spool = spool
        }
        if spool != nil, bytes.count >= DialectBodyWriter.pieceBytes { try flush() }
    }

    /// What was written. The writer is done with.
    public func finish() throws(DialectError) -> DialectBody {
        defer { (bytes, spool) = ([], nil) }
        guard let spool else { return DialectBody(bytes) }
        try flush()
        return DialectBody(spool)
    }

    private func flush() throws(DialectError) {
        guard let spool, !bytes.isEmpty else { return }
        try spool.append(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}
