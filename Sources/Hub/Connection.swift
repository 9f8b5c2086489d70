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

    /// Lets `body` write frames; nothing where there is no WebSocket.
    func write(_ body: (inout WebSocketMachine, inout [UInt8]) -> Void, into bytes: inout [UInt8]) {
        guard machine != nil else { return }
        body(&machine!, &bytes)
    }
}

/// What a device is to hear, and how far it is.
struct Subscription {
    enum State {
        /// Live frames reach it.
        case live
        /// A page of the log is being read for it.
        case reading
        /// Its outbox is full; it reads the log from `seen` when it has drained.
        case lagging
    }

    var state = State.reading
    /// Everything up to here was sent to it, or is not for it.
    var seen: Position
    /// The `up_to` of the last frame it was sent: its own idea of where it is. At most `seen`.
    var told: Position
    let kinds: [Identifier]
    let namespaces: [Identifier]
    let device: Identifier
    /// Entries of its own up to here are sent to it all the same: it made them in an earlier life.
    let ownUpTo: Position

    var isFiltered: Bool { !kinds.isEmpty || !namespaces.isEmpty }

    func wants(_ item: BroadcastItem) -> Bool {
        (item.author != device || item.position <= ownUpTo)
            && (kinds.isEmpty || kinds.contains(item.kind))
            && (namespaces.isEmpty || namespaces.contains(item.namespace))
    }
}

/// The subscribers of one space on one shard.
final class Room {
    let chain: Chain
    var members: [ConnectionID] = []
    /// The newest position that was announced here.
    var latest = Position.start

    init(chain: Chain) {
        self.chain = chain
    }
}
