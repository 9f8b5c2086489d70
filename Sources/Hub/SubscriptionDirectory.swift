internal import Causality
internal import Reactor

/// Which shards have subscribers of which space, so that a lane sends a commit to those only; and which live session a
/// device has: a later one takes the place of an earlier one, whose connection is often dead without knowing it.
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

    /// Where the live session of a device is.
    struct Seat: Sendable, Equatable {
        let shard: Int
        let id: ConnectionID
    }

    /// By user and device.
    private let seats = Guarded<[Identifier: [Identifier: Seat]]>([:])

    /// How many live devices a user has.
    func seatCount(of user: Identifier) -> Int {
        seats.withLock { $0[user]?.count ?? 0 }
    }

    /// Gives a device's place to a new live session, and returns the one that had it.
    func seat(_ seat: Seat, device: Identifier, of user: Identifier) -> Seat? {
        seats.withLock { $0[user, default: [:]].updateValue(seat, forKey: device) }
    }

    /// Clears the place, unless a later session has it.
    func unseat(_ seat: Seat, device: Identifier, of user: Identifier) {
        seats.withLock { seats in
            guard seats[user]?[device] == seat else { return }
            seats[user]?[device] = nil
            if seats[user]?.isEmpty == true { seats[user] = nil }
        }
    }

    func shards(of space: Identifier) -> Set<Int> {
        shardsBySpace.withLock { $0[space] ?? [] }
    }
}
