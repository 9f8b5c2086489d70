internal import Histogram

/// What one loop has counted. Sums of several loops are made by `add`.
struct LoadTally: Sendable {
    /// Counts that a progress line needs; a copy of them goes out often.
    struct Counts: Sendable {
        var live = 0
        var failed = 0
        var pushesSent = 0
        var pushesAnswered = 0
        var changesAccepted = 0
        var deliveries = 0
        var deliveryFrames = 0
        /// Since the run's measured part began, until it ended.
        var measuredPushes = 0
        var measuredChanges = 0
        var measuredDeliveries = 0
        var measuredFrames = 0
        var pushesInFlight = 0

        mutating func add(_ other: Counts) {
            live += other.live
            failed += other.failed
            pushesSent += other.pushesSent
            pushesAnswered += other.pushesAnswered
            changesAccepted += other.changesAccepted
            deliveries += other.deliveries
            deliveryFrames += other.deliveryFrames
            measuredPushes += other.measuredPushes
            measuredChanges += other.measuredChanges
            measuredDeliveries += other.measuredDeliveries
            measuredFrames += other.measuredFrames
            pushesInFlight += other.pushesInFlight
        }
    }

    var counts = Counts()
    var faults = LoadFaults()
    /// Nanoseconds.
    var commit = LoadTally.latencies
    var delivery = LoadTally.latencies
    var connect = LoadTally.latencies
    var reconnect = LoadTally.latencies
    /// Connections that ended although nobody of ours ended them.
    var disconnects = 0
    /// Those that we ended to come back.
    var churned = 0
    /// Pushes sent again, because their connection was lost or the hub asked for it.
    var pushesResent = 0
    /// Changes that an absent or slow device need not see any more.
    var superseded = 0
    /// Pushes that an open loop owed when it ended.
    var pushesOwed = 0
    var lastAnswer: UInt64 = 0
    var lastDelivery: UInt64 = 0
    /// The last thing that went wrong, in words.
    var trouble = ""

    /// Up to an hour in nanoseconds, to three digits.
    static var latencies: Histogram<UInt64> { Histogram(highestTrackableValue: 3_600_000_000_000) }

    mutating func add(_ other: LoadTally) {
        counts.add(other.counts)
        faults.add(other.faults)
        commit.add(other.commit)
        delivery.add(other.delivery)
        connect.add(other.connect)
        reconnect.add(other.reconnect)
        disconnects += other.disconnects
        churned += other.churned
        pushesResent += other.pushesResent
        superseded += other.superseded
        pushesOwed += other.pushesOwed
        lastAnswer = max(lastAnswer, other.lastAnswer)
        lastDelivery = max(lastDelivery, other.lastDelivery)
        if !other.trouble.isEmpty { trouble = other.trouble }
    }
}

/// What must not happen. Any of the first group makes the run a failure.
public struct LoadFaults: Sendable, Codable, Equatable {
    /// Accepted changes that a device did not get.
    public var lost = 0
    public var duplicate = 0
    /// Changes behind a later one of their publisher, or with a position that does not rise.
    public var outOfOrder = 0
    /// Frames whose `after` is not the last `up_to`.
    public var chainGaps = 0
    /// Changes of another room's publisher.
    public var strayed = 0
    /// Frames and answers that could not be read.
    public var unreadable = 0
    /// Changes that the hub did not accept: each of ours is new or newer.
    public var notAccepted = 0
    /// Changes of pushes that were never answered: of these nobody knows whether they were committed.
    public var unanswered = 0

    public var isClean: Bool { self == LoadFaults() }

    enum CodingKeys: String, CodingKey {
        case lost, duplicate
        case outOfOrder = "out_of_order"
        case chainGaps = "chain_gaps"
        case strayed, unreadable
        case notAccepted = "not_accepted"
        case unanswered
    }

    mutating func add(_ other: LoadFaults) {
        lost += other.lost
        duplicate += other.duplicate
        outOfOrder += other.outOfOrder
        chainGaps += other.chainGaps
        strayed += other.strayed
        unreadable += other.unreadable
        notAccepted += other.notAccepted
        unanswered += other.unanswered
    }
}
