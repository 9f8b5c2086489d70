internal import Causality
internal import Logging
internal import Reactor
internal import Storage

/// Tells what was committed here: the hub's own subscribers by the feed, the other hubs by the bus.
final class Announcer: Sendable {
    let store: any Store
    let feed: Feed
    let bus: (any Bus)?
    /// The hub's name on the bus.
    let hub: String
    let metrics: Guarded<HubMetrics>
    private let limits: HubLimits
    private let log: Logger
    /// The life of the log that those who are connected are in.
    private let life: Guarded<Generation>
    private let clockWarnedAt = Guarded<UInt64?>(nil)
    private let newLife: @Sendable (Generation) -> Void
    /// Seconds between two warnings of a clock.
    private static let clockWarningSeconds: UInt64 = 600

    /// - Parameter newLife: ends what is of another life of the log than this one.
    init(
        feed: Feed, bus: (any Bus)?, hub: String, log: Logger, newLife: @escaping @Sendable (Generation) -> Void
    ) {
        store = feed.store
        self.feed = feed
        self.bus = bus
        self.hub = hub
        self.log = log
        self.newLife = newLife
        limits = feed.limits
        metrics = feed.metrics
        life = Guarded(feed.store.generation)
    }

    /// - Parameter generation: the store's before the commit.
    func announce(_ batches: [CommittedBatch], of generation: Generation) {
        lookAtLife()
        guard store.generation == generation else {
            // Which life they are of is unknown. The log tells.
            for batch in batches {
                if let head = try? store.head(of: batch.space) { feed.hear(batch.space, upTo: head) }
            }
            return
        }
        let carriesPayloads = bus?.carriesPayloads ?? false
        var stretches: [BusLine.Stretch] = []
        for batch in batches {
            let isFollowed = feed.follows(batch.space)
            var broadcast: Broadcast?
            if isFollowed { broadcast = Broadcast(batch, generation: generation) }
            if let broadcast {
                metrics.withLock { $0.announcedBatches += 1 }
                feed.announce(broadcast)
            }
            guard let bus else { continue }
            let stretch = BusLine.Stretch(space: batch.space, after: batch.after, upTo: batch.upTo)
            if carriesPayloads, !batch.entries.isEmpty {
                let items = broadcast?.items ?? BroadcastItem.encode(batch.entries)
                let payload = ItemPayload.encode(items, bytesMax: limits.payloadBytesMax) ?? []
                post(.committed(generation, [stretch]), payload: payload, bus)
            } else {
                stretches.append(stretch)
            }
        }
        if let bus, !stretches.isEmpty { post(.committed(generation, stretches), bus) }
        if let newest = batches.map(\.upTo).max() { lookAtClock(newest) }
    }

    func post(_ line: BusLine) {
        if let bus { post(line, bus) }
    }

    private func post(_ line: BusLine, payload: [UInt8] = [], _ bus: any Bus) {
        let lines = line.lines(of: hub)
        for line in lines { bus.post(BusMessage(line: line, payload: payload)) }
        metrics.withLock { $0.busLinesSent += lines.count }
    }

    /// Where the log has another life, restored behind our back, nobody's cursor is valid and no stretch chains on.
    func lookAtLife() {
        let generation = store.generation
        let isNew = life.withLock { life in
            defer { life = generation }
            return life != generation
        }
        guard isNew else { return }
        log.notice("the log has another life: all devices are told to read it anew")
        metrics.withLock { $0.newLives += 1 }
        feed.forgetAll(for: generation)
        newLife(generation)
    }

    /// Positions are times, and never go back: a head in the future says that a clock is, or was, wrong.
    func lookAtClock(_ head: Position) {
        let ahead = head.microseconds - WallClock.now.microseconds
        guard ahead > Int64(limits.clockAheadSeconds) * 1_000_000 else { return }
        let now = WallClock.uptime
        let isDue = clockWarnedAt.withLock { warnedAt in
            if let last = warnedAt, now - last < Announcer.clockWarningSeconds * 1_000_000_000 { return false }
            warnedAt = now
            return true
        }
        guard isDue else { return }
        log.warning(
            """
            the newest position of a log lies \(ahead / 1_000_000) s ahead of this machine's clock: the clock was set \
            back, or that of another hub or of the store's machine runs ahead. Nothing is lost and the order holds; \
            positions read as times are wrong by as much until the clock has caught up. Check the time (NTP).
            """)
    }
}
