internal import Causality
internal import HTTP
internal import Reactor
internal import WebSocket
internal import Wire

/// One peer of a shard, from its first byte to its last. Lives on the shard's thread.
final class Connection {
    enum Phase {
        /// Requests, one after another.
        case http
        /// An answer that goes on: events, an export, or a poll that waits. What the peer sends is held.
        case stream
        /// A session of `carillon.v1`.
        case session
        /// Every message goes back: for protocol tests.
        case echo
        /// We have said our last; what still comes is thrown away.
        case ending
    }

    let id: ConnectionID
    var phase = Phase.http
    /// Loop time of the last byte from the peer, and of the connection's start.
    var heardAt: UInt64
    let startedAt: UInt64
    var isPinged = false
    /// When the request that is coming in began; nil between requests.
    var requestBegunAt: UInt64?
    /// Bytes of its outbox at the last look: while they move, it is not silent.
    var pendingBytes = 0
    /// Bytes of the message that is being handled: what a push in it pins in memory.
    var messageBytes = 0
    /// Nothing is read from it until its outbox is empty.
    var isThrottled = false
    /// Whether it has had an answer: then it may rest between requests.
    var hasAsked = false

    var parser: RequestParser
    var request: RequestHead?
    var requestBody: [UInt8] = []
    /// A request is with a route; the next one waits.
    var isAnswering = false
    /// Bytes that came behind the request that is being answered.
    var heldInput: [UInt8] = []
    /// The answer that goes on; nil outside of ``Phase/stream``.
    var stream: HTTPStream?

    var machine: WebSocketMachine?
    var session = HubSession()
    /// The key of the upgrade request's header, for a hello that names none.
    var headerKey: String?
    var hello: Hello?
    var member: Member?
    var subscription: Subscription?
    /// What the device has confirmed and the store has not been told yet.
    var acknowledged: Position?

    init(id: ConnectionID, now: UInt64, limits: HTTPLimits) {
        self.id = id
        heardAt = now
        startedAt = now
        parser = RequestParser(limits: limits)
    }

    /// The key that it came with, once that was found good.
    var keyPrefix: String? { member?.keyPrefix ?? stream?.keyPrefix }

    /// Lets `body` write frames; nothing where there is no WebSocket.
    func write(_ body: (inout WebSocketMachine, inout [UInt8]) -> Void, into bytes: inout [UInt8]) {
        guard machine != nil else { return }
        body(&machine!, &bytes)
    }
}
