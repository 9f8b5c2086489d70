internal import Causality
internal import Dispatch
internal import HTTP
internal import Logging
internal import Reactor
internal import Storage
internal import Wire

/// What all shards share: the store, the lanes, the read queues, and the way to the shards.
final class HubCore: Sendable {
    let store: any Store
    let configuration: HubConfiguration
    let log: Logger
    let directory = SubscriptionDirectory()
    let streams: StreamAllowance
    let wireLimits = WireLimits.standard
    let startedAt = WallClock.now
    private let lanes: [JournalLane]
    private let readQueues: [DispatchQueue]
    private let shards: Guarded<[LoopAddress<ShardMail>]>
    private let connectionCounts: Guarded<[Int]>
    private let draining = Guarded(false)
    private let revocationsSeen = Guarded(WallClock.now)
    private let removals = Guarded(0)

    init(store: any Store, configuration: HubConfiguration, log: Logger) {
        self.store = store
        self.configuration = configuration
        self.log = log
        connectionCounts = Guarded(Array(repeating: 0, count: configuration.shardCount))
        streams = StreamAllowance(perUserMax: configuration.limits.streamsPerUserMax)
        let shards = Guarded<[LoopAddress<ShardMail>]>([])
        self.shards = shards
        let journal = Journal(store: store) { Identifier(unchecked: PushBody.defaultHash(of: $0)) }
        let generation = store.generation
        let directory = directory
        let laneCount = store.writesBlock ? min(store.writersMax, configuration.shardCount) : configuration.shardCount
        lanes = (0..<max(1, laneCount)).map { number in
            JournalLane(number: number, journal: journal, limits: configuration.limits) { batch in
                let targets = directory.shards(of: batch.space)
                guard !targets.isEmpty else { return }
                let broadcast = Broadcast(batch, generation: generation)
                let addresses = shards.withLock { $0 }
                for shard in targets { addresses[shard].post(.broadcast(broadcast)) }
            }
        }
        readQueues = (0..<max(1, configuration.limits.readQueueCount)).map {
            DispatchQueue(label: "carillon.read.\($0)", qos: .userInitiated)
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

    /// A shard says how many connections it has.
    func note(_ connectionCount: Int, on shard: Int) {
        connectionCounts.withLock { $0[shard] = connectionCount }
    }

    /// Hands a push to the lane of its space. Nil when it was taken and its answer will be called.
    ///
    /// - Parameter shard: whose thread this is, nil for another.
    func submit(_ push: PendingPush, from shard: Int?) -> JournalLane.Refusal? {
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

    private func lane(of space: Identifier) -> JournalLane { lanes[HubCore.turn(of: space, among: lanes.count)] }

    /// Whether the lane of `space` has more waiting than ``HubLimits/laneMarkBytes``.
    func isCrowded(_ space: Identifier) -> Bool { lane(of: space).isCrowded }

    /// Runs store reads off the event loops. Work of one `key` runs in order.
    func read(key: Int, _ work: @escaping @Sendable () -> Void) {
        readQueues[key % readQueues.count].async(execute: work)
    }

    /// How many devices were removed so far. Who read it before a device, and finds it changed, reads the device again:
    /// the removal's mail may have come and gone meanwhile.
    var removalCount: Int { removals.withLock { $0 } }

    /// Ends what a device has open; it is no longer in the store.
    func endSessions(of device: Identifier, _ user: Identifier) {
        removals.withLock { $0 += 1 }
        postToAll(.removed(device: device, user: user))
    }

    /// Asks the store for keys that were revoked since the last look, by this process or another, and ends their
    /// sessions.
    func lookForRevokedKeys() {
        read(key: 0) { [self] in
            let since = revocationsSeen.withLock { $0 }
            let now = WallClock.now
            do throws(StoreError) {
                let prefixes = try store.accounts.keysRevoked(after: since)
                // Looks overlap: a revocation may be committed some time after the moment that it is dated.
                let overlap = Int64(limits.revocationSeconds) * 5_000_000
                revocationsSeen.withLock { $0 = Position(now.microseconds - overlap) }
                if !prefixes.isEmpty { postToAll(.revoked(Set(prefixes))) }
            } catch {
                log.warning("revoked keys could not be read: \(error)")
            }
        }
    }

    /// Refuses new pushes and returns when all that were taken are committed and answered.
    func drain() {
        draining.withLock { $0 = true }
        for lane in lanes { lane.close() }
        finishReads()
    }

    /// Returns when the work that the read queues have now is done.
    func finishReads() {
        for queue in readQueues { queue.sync {} }
    }
}

extension ErrorFrame {
    /// What a peer is told of a store's trouble. The details are for the hub's log: they may name files.
    init(_ error: StoreError, pushID: String? = nil) {
        switch error {
        case .full: self.init(code: .storageFull, retryAfterMs: 10_000, pushID: pushID, isFatal: false)
        case .unavailable, .denied, .outcomeUnknown:
            self.init(code: .storeUnavailable, retryAfterMs: 1_000, pushID: pushID, isFatal: false)
        case .corrupt, .newerSchema, .refused:
            self.init(code: .internal, pushID: pushID, isFatal: false)
        }
    }
}
