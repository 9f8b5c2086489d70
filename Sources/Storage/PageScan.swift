public import Causality

/// Reads a log in order of position and decides which entries make up a page, so that every store pages alike.
///
/// A store offers one entry after the other, from `query.after` on, until ``Verdict/stop``. Filters are applied here
/// and not in the query language: one statement serves every combination, and a page that matches rarely still ends
/// after ``scannedMax`` entries instead of holding a reader for the length of the log.
public struct PageScan: Sendable {
    public enum Verdict: Sendable {
        case skip
        case take
        case stop
    }

    /// Most entries that one call looks at: some 35 ms of SQLite at 600,000 rows a second (600-byte bodies).
    public static let scannedMax = 20_000

    public let query: PageQuery
    private let scannedMax: Int
    private var scanned = 0
    private var taken = 0
    private var bytes = 0
    private var lastScanned: Position?
    private var hasMore = false

    public init(_ query: PageQuery, scannedMax: Int = PageScan.scannedMax) {
        self.query = query
        self.scannedMax = scannedMax
    }

    /// - Parameter encodedBytes: about what the entry takes in a frame, as ``LogEntry/encodedBytesEstimate`` counts it.
    public mutating func offer(
        _ position: Position, kind: Identifier, namespace: Identifier, author: Identifier, encodedBytes: Int
    ) -> Verdict {
        guard position <= query.upTo else { return .stop }
        guard scanned < scannedMax else {
            hasMore = true
            return .stop
        }
        scanned += 1
        guard matches(kind: kind, namespace: namespace, author: author) else {
            lastScanned = position
            return .skip
        }
        guard taken < max(query.limit, 1), bytes <= query.bytesMax else {
            hasMore = true
            return .stop
        }
        taken += 1
        bytes += encodedBytes
        lastScanned = position
        return .take
    }

    /// The page of the entries that were taken, in a log whose newest position is `head`.
    public func page(_ entries: [LogEntry], head: Position) -> LogPage {
        if hasMore {
            return LogPage(entries: entries, upTo: lastScanned ?? query.after, hasMore: true)
        }
        return LogPage(entries: entries, upTo: max(query.after, min(head, query.upTo)), hasMore: false)
    }

    private func matches(kind: Identifier, namespace: Identifier, author: Identifier) -> Bool {
        if !query.kinds.isEmpty && !query.kinds.contains(kind) { return false }
        if !query.namespaces.isEmpty && !query.namespaces.contains(namespace) { return false }
        if let excluded = query.excludedAuthor, excluded == author { return false }
        return true
    }
}
