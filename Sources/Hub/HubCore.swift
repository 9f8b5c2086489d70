internal import Causality
internal import Cryptography
internal import Dispatch
internal import HTTP
internal import Logging
internal import Reactor
internal import Storage
internal import Wire

/// What all shards share: the store, the lanes, the read queues, and the way to the shards.
final class HubCore: Sendable {
    let store: any Store
    /// A replica of the store that may lie behind.
    let pullStore: (any Store)?
    let configuration: HubConfiguration
    let log: Logger
    let directory = SubscriptionDirectory()
    let feed: Feed
    let announcer: Announcer
    let streams: StreamAllowance
    let presence: PresenceBoard
    let clock = HubClock()
    let metrics = Guarded(HubMetrics())
    let dialects: DialectTable
    let origins: Origins
    let wireLimits: WireLimits
    let startedAt = WallClock.now
    let revocations = Guarded(RevocationLook())
    let pulse = Guarded(Pulse())
    let spools: SpoolPlace
    let dialectLoad: DialectLoad
    /// For lines that peers can bring about as often as they like.
    let notices: LogAllowance
    /// What each shard last told of itself.
    let tallies: Guarded<[ShardFigures]>
    let gate: AdmissionGate
    let proxies: TrustedProxies
    let logins: LoginPenalties
    /// By the prefix of a key that was found good.
    let keyConnections: CountTable<String>
    /// By a hash of all of a key's text, good or not.
    let keyRequests: CountTable<Int>
    /// All under one key.
    let requests: CountTable<Int>
    let requestRates: RateTable<Int>
    /// By user and device.
    let deviceRates: RateTable<String>
    let outboxes: MemoryAllowance
    let input: MemoryAllowance
    private let lanes: [JournalLane]
    private let readQueues: ReadQueues
    private let lagQueues: ReadQueues
    private let bulkQueues: ReadQueues
    private let spoolQueues: ReadQueues
    private let shards: Guarded<[LoopAddress<ShardMail>]>
    private let connectionCounts: Guarded<[Int]>
    private let draining = Guarded(false)
    private let removals = Guarded(0)
    /// SHA-256 of the DER of client certificates that were revoked.
    let refusedCertificates: Guarded<Set<[UInt8]>>

    init(
        store: any Store, bus: (any Bus)?, pullStore: (any Store)?, configuration: HubConfiguration, log: Logger
    ) {
        self.store = store
        self.pullStore = pullStore
        self.configuration = configuration
        refusedCertificates = Guarded(configuration.refusedCertificates)
        dialects = DialectTable(configuration.dialects)
        origins = Origins(configuration)
        self.log = log
        let limits = configuration.limits
        wireLimits = limits.wire
        proxies = TrustedProxies(
            blocks: configuration.trustedProxies, writeForwarded: configuration.proxiesWriteForwarded)
        gate = AdmissionGate(limits, proxies)
        logins = LoginPenalties(limits)
        keyConnections = CountTable(perKeyMax: limits.connectionsPerKeyMax)
        requests = CountTable(perKeyMax: limits.requestsInFlightMax)
        keyRequests = CountTable(perKeyMax: limits.requestsInFlightPerKeyMax)
        requestRates = RateTable(
            TokenBucket.Rate(perSecond: limits.requestsPerSecondPerKeyMax), countMax: limits.keyedEntriesMax)
        deviceRates = RateTable(
            TokenBucket.Rate(perSecond: limits.changesPerSecondOfDeviceMax), countMax: limits.keyedEntriesMax)
        outboxes = MemoryAllowance(bytesMax: limits.outboxesBytesMax, shardCount: configuration.shardCount)
        input = MemoryAllowance(bytesMax: limits.inputBytesMax, shardCount: configuration.shardCount)
        connectionCounts = Guarded(Array(repeating: 0, count: configuration.shardCount))
        tallies = Guarded(Array(repeating: ShardFigures(), count: configuration.shardCount))
        let notices = LogAllowance(log, linesPerSecondMax: limits.noticesPerSecondMax)
        self.notices = notices
        streams = StreamAllowance(
            perUserMax: limits.streamsPerUserMax, patienceSeconds: limits.foreignStreamsSeconds)
        presence = PresenceBoard(
            leaseSeconds: limits.presenceLeaseSeconds, renewalSeconds: limits.presenceRenewalSeconds)
        readQueues = ReadQueues(count: limits.readQueueCount)
        lagQueues = ReadQueues("lag", count: limits.lagQueueCount)
        bulkQueues = ReadQueues("bulk", count: limits.bulkQueueCount)
        spoolQueues = ReadQueues("spool", count: limits.spoolQueueCount)
        spools = SpoolPlace(
            folder: configuration.spoolFolder ?? SpoolPlace.standardFolder, bytesMax: limits.spooledBytesMax, log: log)
        dialectLoad = DialectLoad(ordinaryMax: limits.dialectRequestsMax, bulkMax: limits.bulkRequestsMax)
        let shards = Guarded<[LoopAddress<ShardMail>]>([])
        self.shards = shards
        feed = Feed(
            store: store, limits: limits, metrics: metrics, readQueues: readQueues, shards: shards, log: log)
        let announcer = Announcer(
            feed: feed, bus: bus, hub: Digest.hex(Secret.random(count: BusLine.hubBytes / 2)), log: log
        ) { generation in
            for shard in shards.withLock({ $0 }) { shard.post(.newLife(generation)) }
        }
        self.announcer = announcer
        let journal = Journal(store: store) { Identifier(unchecked: PushBody.defaultHash(of: $0)) }
        let laneCount = store.writesBlock ? min(store.writersMax, configuration.shardCount) : configuration.shardCount
        let metrics = metrics
        let outage = StoreOutage(log: log)
        lanes = (0..<max(1, laneCount)).map { number in
            JournalLane(
                number: number, journal: journal, limits: limits, metrics: metrics, outage: outage, log: notices
            ) {
                announcer.announce($0, of: $1)
            }
        }
    }

    var limits: HubLimits { configuration.limits }

    /// Whether the hub takes no more pushes.
    var isDraining: Bool { draining.withLock { $0 } }

    func add(_ shard: LoopAddress<ShardMail>) {
        shards.withLock { $0.append(shard) }
    }

    /// Sends `mail` to every shard.
    func postToAll(_ mail: ShardMail) {
        for shard in shards.withLock({ $0 }) { shard.post(mail) }
    }

    func post(_ mail: ShardMail, to shard: Int) {
        shards.withLock { $0[shard] }.post(mail)
    }

    /// The shard where the sessions of a space gather: one commit then wakes one thread.
    func home(of space: Identifier) -> Int { HubCore.turn(of: space, among: configuration.shardCount) }

    private static func turn(of space: Identifier, among count: Int) -> Int {
        Int(UInt(bitPattern: space.hashValue) % UInt(count))
    }

    /// Whether a shard may have one more connection, by its last word.
    func hasRoom(shard: Int) -> Bool {
        connectionCounts.withLock { $0[shard] } < limits.connectionsPerShardMax
    }

    /// Connections of all shards, by their last words.
    var connectionCount: Int { connectionCounts.withLock { $0.reduce(0, +) } }

    /// A shard says how many connections it has.
    func note(_ connectionCount: Int, on shard: Int) {
        connectionCounts.withLock { $0[shard] = connectionCount }
    }

    /// Hands a push to the lane of its space. Nil when it was taken and its answer will be called.
    ///
    /// - Parameter shard: whose thread this is, nil for another.
    private func submit(_ push: PendingPush, from shard: Int?) -> JournalLane.Refusal? {
        let lane = lane(of: push.submission.space)
        switch lane.submit(push) {
        case .refused(let refusal): return refusal
        case .waits: break
        case .woke:
            if !store.writesBlock, let shard {
                // The shard takes its own mail at the end of the turn.
                post(.commit(lane), to: shard)
            } else {
                lane.runOnQueue()
            }
        }
        return nil
    }

    /// Commits what a device or a dialect submits, by the lane of its space; `answer` is called once, on any thread.
    ///
    /// - Parameters:
    ///   - messageBytes: of the message that it came in; its bodies keep all of it in memory.
    ///   - asker: for the log.
    ///   - shard: whose thread this is, nil for another.
    func commit(
        _ submission: Submission, messageBytes: Int, of asker: PeerName?, from shard: Int?,
        answer: @escaping @Sendable (Result<[ItemResult], ErrorFrameError>) -> Void
    ) {
        let notices = notices
        let pending = PendingPush(submission, messageBytes: messageBytes) { outcome in
            switch outcome {
            case .success(let results): answer(.success(results))
            case .failure(let error):
                notices.tell(
                    .warning, "a push was refused by the store",
                    [
                        "user": "\(submission.user.text)", "device": "\(submission.author.text)", "error": "\(error)",
                    ])
                answer(.failure(ErrorFrameError(frame: ErrorFrame(error))))
            }
        }
        switch submit(pending, from: shard) {
        case nil: break
        case .overloaded:
            count(
                .overloaded,
                (asker?.logMetadata ?? [:]).merging(
                    ["user": "\(submission.user.text)", "device": "\(submission.author.text)"]) { $1 })
            answer(.failure(ErrorFrameError(frame: ErrorFrame(code: .overloaded, retryAfterMs: 1_000, isFatal: false))))
        case .closed:
            answer(.failure(ErrorFrameError(frame: ErrorFrame(code: .shuttingDown, isFatal: false))))
        }
    }

    private func lane(of space: Identifier) -> JournalLane { lanes[HubCore.turn(of: space, among: lanes.count)] }

    /// Whether the lane of `space` has more waiting than ``HubLimits/laneMarkBytes``.
    func isCrowded(_ space: Identifier) -> Bool { lane(of: space).isCrowded }

    var laneFigures: [LaneFigures] { lanes.map(\.currentFigures) }

    /// Whether a lane has been at one transaction, or one pause, for longer than that.
    func areLanesStuck(seconds: Int) -> Bool { lanes.contains { $0.isStuck(seconds: seconds) } }

    /// Store reads that run or wait.
    var readsUnderWay: Int { readQueues.underWay + bulkQueues.underWay + spoolQueues.underWay }

    /// Announces what became durable while the store went away, and nobody has pushed since.
    func announceOwed() {
        for (number, lane) in lanes.enumerated() where lane.owes {
            read(key: number) { lane.announceOwed() }
        }
    }

    /// Runs store reads off the event loops. Work of one `key` runs in order.
    func read(key: Int, _ work: @escaping @Sendable () -> Void) {
        readQueues.read(key: key, work)
    }

    /// The same for who has fallen behind.
    func readLate(key: Int, _ work: @escaping @Sendable () -> Void) {
        lagQueues.read(key: key, work)
    }

    func read(key: Int, afterMilliseconds pause: Int, _ work: @escaping @Sendable () -> Void) {
        readQueues.read(key: key, afterMilliseconds: pause, work)
    }

    /// Runs a dialect's work off the event loops; that with a long body where it holds up no other.
    func dialectWork(key: Int, isBulk: Bool, _ work: @escaping @Sendable () -> Void) {
        (isBulk ? bulkQueues : readQueues).read(key: key, work)
    }

    /// Writes and reads the files of long bodies. Work of one `key` runs in order.
    func spool(key: Int, _ work: @escaping @Sendable () -> Void) {
        spoolQueues.read(key: key, work)
    }

    /// How often something was taken back so far. Who read it before he looked up a key or a device, and finds it
    /// changed, looks again: the removal's mail may have come and gone meanwhile.
    var removalCount: Int { removals.withLock { $0 } }

    func countRemoval() {
        removals.withLock { $0 += 1 }
    }

    /// Takes no more pushes; `/ready` says so.
    func beginDrain() {
        draining.withLock { $0 = true }
        // All at once: what waits for a store that is away has a last second, and not one after the other.
        for lane in lanes { lane.close() }
    }

    /// Returns when all pushes that were taken are committed and answered, and what was asked is read, or at `deadline`.
    func drain(until deadline: DispatchTime) {
        for lane in lanes { lane.finish(by: deadline) }
        finishReads(until: deadline)
    }

    /// Returns when the work that the read queues have now is done, or at `deadline`.
    func finishReads(until deadline: DispatchTime) {
        for queues in [spoolQueues, bulkQueues, lagQueues, readQueues] { queues.finish(by: deadline) }
    }
}

extension ErrorFrame {
    /// What a peer is told of a store's trouble. The details are for the hub's log: they may name files.
    init(_ error: StoreError, pushID: String? = nil) {
        switch error {
        case .full: self.init(code: .storageFull, retryAfterMs: 10_000, pushID: pushID, isFatal: false)
        case .unavailable, .denied, .outcomeUnknown:
            self.init(code: .storeUnavailable, retryAfterMs: 1_000, pushID: pushID, isFatal: false)
        case .limitReached(let sentence): self.init(code: .deviceLimit, message: sentence, pushID: pushID)
        case .corrupt, .newerSchema, .refused:
            self.init(code: .internal, pushID: pushID, isFatal: false)
        }
    }
}
