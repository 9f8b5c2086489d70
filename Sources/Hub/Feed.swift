internal import Causality
internal import Logging
internal import Reactor
internal import Storage

/// The one place of a hub where announcements are put in order, for every space that has subscribers here.
///
/// A commit that chains on goes to the shards at once. Where others have written meanwhile there is a gap before it,
/// which is read once for all subscribers; what lies behind is dropped. A subscriber checks the chain for itself all
/// the same (``HubShard/deliver(_:)``): what goes wrong here costs reads, never a change.
///
/// A follow is there before its subscriber's catch-up is read, so that what is committed meanwhile is announced there.
final class Feed: Sendable {
    let store: any Store
    let limits: HubLimits
    let metrics: Guarded<HubMetrics>
    let readQueues: ReadQueues
    let log: Logger
    private let shards: Guarded<[LoopAddress<ShardMail>]>
    /// In stripes, so that lanes seldom meet: the lock is held while a commit is posted to its shards.
    private let stripes: [Guarded<[Identifier: Follow]>]
    private static let stripeCount = 64
    /// Numbers follows.
    private let lastFollow = Guarded<UInt64>(0)

    init(
        store: any Store, limits: HubLimits, metrics: Guarded<HubMetrics>, readQueues: ReadQueues,
        shards: Guarded<[LoopAddress<ShardMail>]>, log: Logger
    ) {
        self.store = store
        self.limits = limits
        self.metrics = metrics
        self.readQueues = readQueues
        self.shards = shards
        self.log = log
        stripes = (0..<Feed.stripeCount).map { _ in Guarded([:]) }
    }

    func stripe(of space: Identifier) -> Guarded<[Identifier: Follow]> {
        stripes[Int(UInt(bitPattern: space.hashValue) % UInt(Feed.stripeCount))]
    }

    // MARK: Subscribers

    /// - Parameter generation: the life of the log that the shard's subscribers are in.
    func insert(shard: Int, space: Identifier, of generation: Generation) {
        let id = lastFollow.withLock { last in
            last += 1
            return last
        }
        let isPresent = store.generation == generation
        stripe(of: space).withLock { follows in
            if follows[space] == nil { follows[space] = Follow(shard: shard, of: generation, id: id) }
            follows[space]?.shards.insert(shard)
            // The first who comes in the new life may be before those who tell of it.
            if isPresent { follows[space]?.forget(for: generation) }
        }
    }

    func remove(shard: Int, space: Identifier) {
        stripe(of: space).withLock { follows in
            follows[space]?.shards.remove(shard)
            if follows[space]?.shards.isEmpty == true { follows[space] = nil }
        }
    }

    func follows(_ space: Identifier) -> Bool {
        stripe(of: space).withLock { $0[space] != nil }
    }

    func wentLive(_ space: Identifier, at position: Position) {
        let reader = stripe(of: space).withLock { follows in
            follows[space]?.wentLive(at: position) == true ? follows[space]?.id : nil
        }
        if let reader { read(space, of: reader) }
    }

    // MARK: Commits

    /// A commit of this hub, or of another one that sent it whole.
    func announce(_ broadcast: Broadcast) {
        let space = broadcast.space
        let reader = stripe(of: space).withLock { follows -> UInt64? in
            guard let targets = follows[space]?.shards else { return nil }
            guard case .gap(beginsReading: true) = follows[space]?.take(broadcast, post: { post($0, to: targets) })
            else { return nil }
            return follows[space]?.id
        }
        guard let reader else { return }
        metrics.withLock { $0.gapReads += 1 }
        read(space, of: reader)
    }

    /// The log of `space` is said to go up to `position`.
    func hear(_ space: Identifier, upTo position: Position) {
        let reader = stripe(of: space).withLock { follows in
            follows[space]?.hear(position) == true ? follows[space]?.id : nil
        }
        guard let reader else { return }
        metrics.withLock { $0.foreignReads += 1 }
        read(space, of: reader)
    }

    func post(_ broadcast: Broadcast, to targets: Set<Int>) {
        let addresses = shards.withLock { $0 }
        for shard in targets { addresses[shard].post(.broadcast(broadcast)) }
    }

    /// The hub has stopped: nothing is followed, and no read is tried again.
    func close() {
        for stripe in stripes { stripe.withLock { $0 = [:] } }
    }

    /// The log has another life.
    func forgetAll(for generation: Generation) {
        for stripe in stripes {
            stripe.withLock { follows in
                for space in Array(follows.keys) { follows[space]?.forget(for: generation) }
            }
        }
    }

    /// Followed spaces, from stripe number `first` on, at most `countMax`; and the stripe to go on with, nil after the
    /// last one. A stripe with more than that is cut, elsewhere each time.
    func spaces(from first: Int, countMax: Int) -> (spaces: [Identifier], next: Int?) {
        var spaces: [Identifier] = []
        for number in first..<Feed.stripeCount {
            let own = stripes[number].withLock { Array($0.keys) }
            if !spaces.isEmpty, spaces.count + own.count > countMax { return (spaces, number) }
            if own.count > countMax {
                let start = Int.random(in: 0...(own.count - countMax))
                spaces += own[start..<(start + countMax)]
            } else {
                spaces += own
            }
        }
        return (spaces, nil)
    }
}
