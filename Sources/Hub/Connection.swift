internal import Causality
internal import HTTP
internal import Reactor
internal import Storage
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
        /// A WebSocket of a dialect, which is told of changes.
        case watch
        /// Every message goes back: for protocol tests.
        case echo
        /// We have said our last; what still comes is thrown away.
        case ending
    }

    let id: ConnectionID
    /// Names it in the log, through all of the hub and as long as it runs.
    var number: UInt64
    /// Who is at the other end of the wire; and whom that speaks for, where it is a proxy.
    let peer: SocketAddress
    var client: SocketAddress
    var phase = Phase.http
    /// Loop time of the last byte from the peer, and of the connection's start, or the WebSocket's.
    var heardAt: UInt64
    var startedAt: UInt64
    let openedAt: UInt64
    var isPinged = false
    /// Bytes of its outbox at the last look: while they move, it is not silent.
    var pendingBytes = 0
    /// Bytes of the message that is being handled: what a push in it pins in memory.
    var messageBytes = 0
    /// Of a message that is not whole yet: when it was last seen to come on, and the bytes since.
    var unfinished: (since: UInt64, bytes: Int)?
    /// Nothing is read from it until its outbox is empty.
    var isThrottled = false
    /// Nothing is read from it until its lane is less crowded, or all its pushes are answered.
    var isHeldBack = false
    /// Who its certificate says that it is; nil where it showed none.
    private(set) var tlsPeer: TLSPeer?
    /// Nothing is read from it until it has made good for having sent too much.
    var isOverRate = false
    /// The key among whose connections it counts.
    var countedKey: String?
    /// What came behind a turn's worth of messages: nothing is read from the socket before it. The turn that left it, and
    /// whether mail is on its way that goes on with it.
    var unread: [UInt8] = []
    var unreadSince: UInt64 = 0
    var isReadingOn = false
    /// Bytes held of a message that is not whole.
    var partialBytes = 0
    /// Nil once it is a WebSocket.
    var http: HTTPExchange?

    var machine: WebSocketMachine?
    var session = HubSession()
    /// Nil once the hello was found good.
    var greeting: Greeting?
    var member: Member?
    var subscription: Subscription?
    /// Nil outside of ``Phase/watch``.
    var watch: DialectWatch?
    /// What the device has confirmed and the store has not been told yet.
    var acknowledged: Position?
    /// What it says it holds, beyond all that it was told of here: the store is being asked.
    var claimed: Position?
    /// Counted among those who are connected.
    var isPresent = false

    // For the line that the log gets of its end.
    var bytesReceived = 0
    var frameCount = 0
    var pushCount = 0
    /// Why the hub has ended it; nil where the peer did.
    var ending: String?

    init(
        id: ConnectionID, number: UInt64, peer: SocketAddress, client: SocketAddress, now: UInt64, limits: HTTPLimits
    ) {
        self.id = id
        self.number = number
        self.peer = peer
        self.client = client
        heardAt = now
        startedAt = now
        openedAt = now
        http = HTTPExchange(limits: limits)
    }

    var isAnswering: Bool { http?.isAnswering ?? false }

    /// What its TLS handshake told. Kept only with a certificate: the rest is of no use later, and tens of bytes.
    func note(_ peer: TLSPeer?) {
        tlsPeer = peer?.certificateHash == nil ? nil : peer
    }

    var stream: HTTPStream? {
        get { http?.stream }
        set { http?.stream = newValue }
    }

    /// The key that it came with, once that was found good.
    var keyPrefix: String? { member?.keyPrefix ?? stream?.keyPrefix ?? watch?.socket.account.key.prefix }

    /// The life of the log that it is in; nil before that matters.
    var generation: Generation? { member?.generation ?? stream?.opening.generation ?? watch?.generation }

    /// Whose it is: of a session, or of a stream or a poll, which may name no device.
    var owner: (user: User, device: Device?)? {
        member.map { ($0.user, $0.device) } ?? stream.map { ($0.opening.user, $0.opening.device) }
            ?? watch.map { ($0.socket.account.user, nil) }
    }

    /// Whether it is a session of this device, or a stream or a poll that names it.
    func isOf(_ device: Identifier, of user: Identifier) -> Bool {
        owner.map { $0.device?.id == device && $0.user.id == user } ?? false
    }

    /// Lets `body` write frames; nothing where there is no WebSocket.
    func write(_ body: (inout WebSocketMachine, inout [UInt8]) -> Void, into bytes: inout [UInt8]) {
        guard machine != nil else { return }
        body(&machine!, &bytes)
    }
}
