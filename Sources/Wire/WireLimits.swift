public import Causality

/// Every limit of the protocol, in one place. The welcome tells them to the device.
public struct WireLimits: Sendable, Equatable {
    /// Largest message in bytes, both ways. 16 MiB: four bodies of the largest size, and a bound for one decode.
    public var frameBytesMax: Int
    /// Largest body of one change in bytes. 4 MiB: a quarter of a frame, so that a page always fits one.
    public var bodyBytesMax: Int
    /// Most changes of one push. 10,000: one transaction of about 0.2 s on the embedded store.
    public var changesPerPushMax: Int
    /// Deepest nesting of a body, or of any other value. 64: no application's data is near it, no stack is either.
    public var depthMax: Int
    /// Most kinds, and most namespaces, of a subscription's filter.
    public var filtersMax: Int
    /// Most replicas in one clock.
    public var clockEntriesMax: Int
    /// Longest identifier in UTF-8 bytes.
    public var identifierBytesMax: Int
    /// Longest push or ping id in UTF-8 bytes.
    public var frameIDBytesMax: Int
    /// Most numbers of an embedding.
    public var embeddingCountMax: Int
    /// Most clocks that one change supersedes: a record's head and all its siblings.
    public var supersedesMax: Int
    /// Most pushes of one session without an answer; past it the hub stops reading. 64: enough to hide any round trip.
    public var pushesInFlightMax: Int
    /// Most entries of one page of the log, or of one `changes` frame.
    public var pageEntriesMax: Int

    public init(
        frameBytesMax: Int = 16 << 20, bodyBytesMax: Int = 4 << 20, changesPerPushMax: Int = 10_000,
        depthMax: Int = JSONLimits.depthMax, filtersMax: Int = 64, clockEntriesMax: Int = VectorClock.entriesMax,
        identifierBytesMax: Int = Identifier.bytesMax, frameIDBytesMax: Int = 128,
        embeddingCountMax: Int = Change.embeddingCountMax, supersedesMax: Int = Record.siblingsMax + 1,
        pushesInFlightMax: Int = 64, pageEntriesMax: Int = 1_000
    ) {
        self.frameBytesMax = frameBytesMax
        self.bodyBytesMax = bodyBytesMax
        self.changesPerPushMax = changesPerPushMax
        self.depthMax = depthMax
        self.filtersMax = filtersMax
        self.clockEntriesMax = clockEntriesMax
        self.identifierBytesMax = identifierBytesMax
        self.frameIDBytesMax = frameIDBytesMax
        self.embeddingCountMax = embeddingCountMax
        self.supersedesMax = supersedesMax
        self.pushesInFlightMax = pushesInFlightMax
        self.pageEntriesMax = pageEntriesMax
    }

    public static let standard = WireLimits()

    /// Most entries of all clocks together that one change supersedes, the same on every hub. 4,000: four clocks of the
    /// largest size, or 61 entries for each of a full record's 65 versions. Without it one item would merge 65,000.
    public static let supersededEntriesMax = 4_000

    /// The limits by their names on the wire, in the order in which the welcome lists them.
    static let fields: [(name: StaticString, path: any WritableKeyPath<WireLimits, Int> & Sendable)] = [
        ("frame_bytes_max", \.frameBytesMax), ("body_bytes_max", \.bodyBytesMax),
        ("changes_per_push_max", \.changesPerPushMax), ("depth_max", \.depthMax), ("filters_max", \.filtersMax),
        ("clock_entries_max", \.clockEntriesMax), ("identifier_bytes_max", \.identifierBytesMax),
        ("frame_id_bytes_max", \.frameIDBytesMax), ("embedding_count_max", \.embeddingCountMax),
        ("supersedes_max", \.supersedesMax), ("pushes_in_flight_max", \.pushesInFlightMax),
        ("page_entries_max", \.pageEntriesMax),
    ]
}
