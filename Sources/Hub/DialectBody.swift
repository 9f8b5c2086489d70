/// The body of a request to a dialect, or of its answer: in memory, or in a file where it is long.
public struct DialectBody: Sendable {
    private enum Place: Sendable {
        case memory([UInt8])
        case file(Spool)
    }

    private let place: Place
    public let count: Int

    public init(_ bytes: [UInt8]) {
        place = .memory(bytes)
        count = bytes.count
    }

    /// - Precondition: nothing more is written to it.
    init(_ spool: Spool) {
        place = .file(spool)
        count = spool.count
    }

    /// What is in a file, if it is in one.
    var spool: Spool? {
        if case .file(let spool) = place { spool } else { nil }
    }

    /// All of it, where it is no longer than `bytesMax`.
    ///
    /// - Throws: ``DialectError/tooLarge(bytesMax:)``; ``DialectError/internal`` where it cannot be read.
    public func whole(bytesMax: Int) throws(DialectError) -> [UInt8] {
        guard count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
        switch place {
        case .memory(let bytes): return bytes
        case .file(let spool): return try spool.read(from: 0, countMax: count)
        }
    }

    /// Up to `countMax` bytes from `offset` on, fewer only before the end; none at the end. May block on the disk.
    ///
    /// - Throws: ``DialectError/internal`` where it cannot be read.
    public func read(from offset: Int, countMax: Int) throws(DialectError) -> ArraySlice<UInt8> {
        guard offset >= 0, offset < count, countMax > 0 else { return [] }
        switch place {
        case .memory(let bytes): return bytes[offset..<(offset + min(countMax, count - offset))]
        case .file(let spool): return try spool.read(from: offset, countMax: countMax)[...]
        }
    }

    /// Goes through it once, from its beginning.
    ///
    /// - Parameter pieceBytes: what is in memory of it at a time.
    public func reader(pieceBytes: Int = 256 << 10) -> DialectBodyReader {
        DialectBodyReader(self, pieceBytes: max(1, pieceBytes))
    }
}

/// A body, piece by piece or byte by byte, within bounded memory.
public struct DialectBodyReader {
    private let body: DialectBody
    private let pieceBytes: Int
    private var piece: ArraySlice<UInt8> = []
    /// Where the next piece begins.
    private var end = 0

    init(_ body: DialectBody, pieceBytes: Int) {
        self.body = body
        self.pieceBytes = pieceBytes
    }

    /// Where the next byte stands.
    public var offset: Int { end - piece.count }

    /// What is left of the present piece, or the next one; nil at the end.
    public mutating func nextPiece() throws(DialectError) -> ArraySlice<UInt8>? {
        if piece.isEmpty { try load() }
        guard !piece.isEmpty else { return nil }
        defer { piece = [] }
        return piece
    }

    /// The next byte; nil at the end.
    public mutating func next() throws(DialectError) -> UInt8? {
        if piece.isEmpty { try load() }
        return piece.popFirst()
    }

    /// The next byte, which stays the next; nil at the end.
    public mutating func peek() throws(DialectError) -> UInt8? {
        if piece.isEmpty { try load() }
        return piece.first
    }

    private mutating func load() throws(DialectError) {
        piece = try body.read(from: end, countMax: pieceBytes)
        end += piece.count
    }
}
