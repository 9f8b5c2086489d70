/// Every limit of a loop, in one place.
public struct LoopConfiguration: Sendable {
    /// Ready sockets taken by one `epoll_wait`: enough to spread its cost, few enough to keep a turn below 1 ms.
    public var eventsPerTurn = 256
    /// The loop's one receive buffer, and so the most that one socket can have in a turn. 64 KiB to 1 MiB.
    public var receiveBufferBytes = 256 * 1024
    /// Connections accepted in a turn, so that a storm of them does not starve the ones we have.
    public var acceptsPerTurn = 64
    /// How long accepting rests after EMFILE, ENFILE, ENOBUFS or ENOMEM. The clients wait in the backlog.
    public var acceptRest: Duration = .milliseconds(100)
    /// How long a flush rests after ENOBUFS or ENOMEM, when the kernel would call the socket writable at once.
    public var flushRest: Duration = .milliseconds(10)
    /// Connections of one loop; one more is closed with `failed(EMFILE)`. Slots come in pages of 1,024 as needed.
    public var connectionsMax = 1 << 20
    /// The hard cap of unsent bytes of one connection; past it the connection ends with `outboxFull`.
    public var outboxBytesMax = 16 * 1024 * 1024
    /// A send that leaves more than this unsent earns a `drained` call when the outbox is empty again.
    public var outboxLowWaterBytes = 64 * 1024
    /// Shared bytes up to this size are copied into the outbox: one send with its neighbours beats an iovec of its own.
    public var sharedCopyBytesMax = 4096
    /// `send` calls for one socket in a turn: a short write is tried again, but not forever.
    public var sendsPerTurn = 16
    /// Unused outbox memory that the loop keeps for later: segments for the first 2,000 dirty sockets of a turn.
    public var poolBytesMax = 2 * 1024 * 1024
    /// After `close(afterFlush:)`, how long the outbox may take to empty.
    public var flushSeconds = 30
    /// After the last byte and our FIN, how long we read and discard, waiting for the peer's: closing with unread
    /// bytes would send a reset that destroys the end of what we sent.
    public var lingerSeconds = 3
    /// Timers under way that handlers have scheduled: four a connection at `connectionsMax` is too many to want.
    public var timersMax = 1 << 20
    /// False: when the peer stops sending, the outbox is flushed and the connection closed. True: the handler closes.
    public var keepsHalfOpen = false

    public init() {}
}
