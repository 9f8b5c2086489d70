/// What a hub has counted since it began. All counters only rise.
public struct HubMetrics: Sendable, Equatable {
    /// Commits of this hub that were announced to its own subscribers.
    public var announcedBatches = 0
    /// Stretches of the log that another hub had written and this one read, or was sent whole.
    public var foreignReads = 0
    public var foreignPayloads = 0
    /// Stretches that were read because they lay before a commit of this hub.
    public var gapReads = 0
    /// Stretches that were too large to announce: each subscriber read them for itself.
    public var largeGaps = 0
    /// Looks at the heads of spaces.
    public var polls = 0
    public var busLinesSent = 0
    public var busLinesReceived = 0
    /// Lines that were no lines of a hub, or of another life of the log.
    public var busLinesDropped = 0
    public var busDisconnections = 0
    /// Commits that were tried again because the store was away or its answer was lost.
    public var commitsRetried = 0
    /// Pushes that waited for such a commit.
    public var pushesThatWaited = 0
    /// Reads that the replica could not serve, and the store did.
    public var replicaMisses = 0
    /// How often the log was found in another life.
    public var newLives = 0
    /// Stretches of the log that were compressed for subscribers, once for each window that they have agreed on.
    public var compressedBroadcasts = 0
    /// What peers were refused or cut off for.
    public var refusals: [RefusalReason: Int] = [:]

    public init() {}

    func write(to page: inout MetricsPage) {
        for (name, help, value) in rows { page.single(name, .counter, help, value) }
    }

    private var rows: [(String, String, Int)] {
        [
            ("announced_batches_total", "Commits announced to subscribers of this hub.", announcedBatches),
            ("foreign_reads_total", "Stretches of other hubs read from the store.", foreignReads),
            ("foreign_payloads_total", "Stretches of other hubs that came over the bus.", foreignPayloads),
            ("gap_reads_total", "Stretches read because they lay before a commit.", gapReads),
            ("large_gaps_total", "Stretches left to subscribers to read.", largeGaps),
            ("polls_total", "Looks at the heads of spaces.", polls),
            ("bus_lines_sent_total", "Lines posted to the bus.", busLinesSent),
            ("bus_lines_received_total", "Lines of other hubs.", busLinesReceived),
            ("bus_lines_dropped_total", "Lines that could not be used.", busLinesDropped),
            ("bus_disconnections_total", "Times the bus was lost.", busDisconnections),
            ("commits_retried_total", "Commits tried again.", commitsRetried),
            ("pushes_waited_total", "Pushes that waited for the store.", pushesThatWaited),
            ("replica_misses_total", "Reads the replica could not serve.", replicaMisses),
            (
                "compressed_broadcasts_total", "Stretches compressed for subscribers, once a window.",
                compressedBroadcasts
            ),
            ("new_lives_total", "Times the log was found in another life.", newLives),
        ]
    }
}
