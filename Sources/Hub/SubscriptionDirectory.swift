internal import Causality
internal import Reactor

/// Which shards have subscribers of which space: a lane sends a commit to those only.
///
/// Written when a shard's first subscriber of a space comes or its last one goes, before that subscriber's catch-up
/// is read: a commit that the catch-up misses finds the shard here.
final class SubscriptionDirectory: Sendable {
    private let shardsBySpace = Guarded<[Identifier: Set<Int>]>([:])

    func insert(shard: Int, space: Identifier) {
        shardsBySpace.withLock { _ = $0[space, default: []].insert(shard) }
    }

    func remove(shard: Int, space: Identifier) {
        shardsBySpace.withLock { shards in
            shards[space]?.remove(shard)
            if shards[space]?.isEmpty == true { shards[space] = nil }
        }
    }

    func shards(of space: Identifier) -> Set<Int> {
        shardsBySpace.withLock { $0[space] ?? [] }
    }
}
