internal import Causality
internal import Reactor

/// Which live session each device has on this hub: a later one takes the place of an earlier one, whose connection is
/// often dead without knowing it.
final class SubscriptionDirectory: Sendable {
    /// Where the live session of a device is.
    struct Seat: Sendable, Equatable {
        let shard: Int
        let id: ConnectionID
        /// Which of two hubs' sessions is the later one: ``HubClock``.
        var stamp: Int64 = 0

        static func == (left: Seat, right: Seat) -> Bool { left.shard == right.shard && left.id == right.id }
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

    enum Claim {
        /// The device has no session here.
        case free
        /// It had one, which is older than the claim and has no place any more.
        case taken(Seat)
        /// It has one that is later.
        case refused(Seat)
    }

    /// Another hub has a session of the device, begun at `stamp`.
    ///
    /// - Parameter winsTies: of two equal stamps one hub's is the later, the same one for both.
    func claim(_ device: Identifier, of user: Identifier, stamp: Int64, winsTies: Bool) -> Claim {
        seats.withLock { seats in
            guard let seat = seats[user]?[device] else { return .free }
            guard seat.stamp < stamp || (seat.stamp == stamp && winsTies) else { return .refused(seat) }
            seats[user]?[device] = nil
            if seats[user]?.isEmpty == true { seats[user] = nil }
            return .taken(seat)
        }
    }
}
