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

    func insert(shard: Int, space: Identifier) {
        stripe(of: space).withLock { follows in
            if follows[space] == nil { follows[space] = Follow(shard: shard) }
            follows[space]?.shards.insert(shard)
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
        let isToRead = stripe(of: space).withLock { $0[space]?.wentLive(at: position) ?? false }
        if isToRead { read(space) }
    }

    // MARK: Commits

    /// A commit of this hub, or of another one that sent it whole.
    func announce(_ broadcast: Broadcast) {
        let space = broadcast.space
        let taken = stripe(of: space).withLock { follows -> Follow.Taken? in
            guard let targets = follows[space]?.shards else { return nil }
            return follows[space]?.take(broadcast) { post($0, to: targets) }
        }
        guard case .gap(let beginsReading) = taken else { return }
        metrics.withLock { $0.gapReads += beginsReading ? 1 : 0 }
        if beginsReading { read(space) }
    }

    /// The log of `space` is said to go up to `position`.
    func hear(_ space: Identifier, upTo position: Position) {
        let isToRead = stripe(of: space).withLock { $0[space]?.hear(position) ?? false }
        guard isToRead else { return }
        metrics.withLock { $0.foreignReads += 1 }
        read(space)
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
    func forgetAll() {
        for stripe in stripes {
            stripe.withLock { follows in
                for space in follows.keys { follows[space]?.forget() }
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
