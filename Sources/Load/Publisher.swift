/// A device that pushes: what it has sent, and what of it is without an answer.
final class Publisher {
    /// A push without an answer.
    struct Flight {
        var push: UInt32
        var firstSequence: UInt32
        /// Nanoseconds at which it was meant to leave.
        var intended: UInt64
        /// Sent more than once: its latency says nothing about the hub's.
        var isResent = false
        /// The hub asked for it to be sent again later.
        var isDeferred = false
    }

    /// Over all rooms of the run.
    let number: Int
    let room: Int
    /// Among the room's publishers.
    let place: Int
    /// The loop's device.
    let device: Int
    var replica: [UInt8] = []
    var nextPush: UInt32 = 0
    var nextSequence: UInt32 = 0
    /// In the order in which they were sent; few.
    var flights: [Flight] = []
    /// Open loop: how many were due so far.
    var due = 0
    /// How many it may send; nil: until told to stop.
    var quota: Int?
    /// Changes that the hub did not take.
    var unaccepted: Set<UInt32> = []
    /// Raw mode: copies of its messages that have come.
    var copiesArrived = 0

    init(number: Int, room: Int, place: Int, device: Int, quota: Int?) {
        self.number = number
        self.room = room
        self.place = place
        self.device = device
        self.quota = quota
    }

    var hasQuotaLeft: Bool { quota.map { Int(nextPush) < $0 } ?? true }
}
