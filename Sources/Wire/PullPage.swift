public import Causality
internal import Storage

/// A page of the log as `GET /v1/pull` answers it.
public struct PullPage: Sendable, Equatable {
    /// Heads and siblings in order of position; siblings are marked.
    public var changes: [LogEntry]
    /// Where the next page begins.
    public var cursor: Cursor
    public var hasMore: Bool

    public init(changes: [LogEntry], cursor: Cursor, hasMore: Bool) {
        self.changes = changes
        self.cursor = cursor
        self.hasMore = hasMore
    }

    public func encode(into out: inout [UInt8]) {
        FrameEncoder.page(changes, cursor: cursor, hasMore: hasMore, into: &out)
    }

    /// Reads the answer, for clients. Bodies are slices of `bytes`.
    public static func decode(_ bytes: [UInt8], limits: WireLimits = .standard) throws(FrameError) -> PullPage {
        try JSONScanner.read(bytes) { (scanner, place) throws(FieldProblem) -> PullPage in
            try read(ObjectReader(scanner, at: place), of: bytes, limits: limits)
        }
    }

    private static func read(
        _ object: ObjectReader, of bytes: [UInt8], limits: WireLimits
    ) throws(FieldProblem) -> PullPage {
        var entries: [LogEntry] = []
        for place in try object.elements("changes") {
            entries.append(try ChangeDecoder.entry(object.scanner, at: place, of: bytes, limits: limits))
        }
        return PullPage(
            changes: entries, cursor: try object.neededCursor("cursor"),
            hasMore: try object.field("has_more").boolean(object.scanner) ?? false)
    }
}
