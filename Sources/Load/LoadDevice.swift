internal import HTTP
internal import Reactor
internal import WebSocket

/// One connection of the load, and what it has seen. It lives in a slot of its loop and never moves.
///
///     offline --start--> connecting --connected--> upgrading --101--> greeting --welcome--> catchingUp --synced--> live
///     upgrading --101, raw--> live        any --closed--> offline        live --churn--> leaving --closed--> offline
struct LoadDevice: ~Copyable {
    enum Phase {
        case offline
        case connecting
        case upgrading
        case greeting
        case catchingUp
        case live
        /// We have ended it, and it is to come back.
        case leaving
        /// Given up.
        case failed
    }

    let room: Int
    /// Among the room's devices.
    let seat: Int
    let isSlow: Bool
    /// Of the loop's publishers.
    var publisher: Int?
    var phase = Phase.offline
    var connection = ConnectionID(raw: 0)
    var machine = WebSocketMachine(role: .client)
    var upgrade: Upgrade?
    var chain = ChainPlace()
    var lastPosition: UInt64 = 0
    var startedAt: UInt64 = 0
    var tries = 0
    var hasBeenLive = false

    init(room: Int, seat: Int, isSlow: Bool, publisher: Int?) {
        self.room = room
        self.seat = seat
        self.isSlow = isSlow
        self.publisher = publisher
    }
}

/// A handshake under way.
final class Upgrade {
    let key: String
    var parser = ResponseParser()
    /// Of an answer that is no 101.
    var status: Int?

    init(key: String) { self.key = key }
}
