internal import Foundation

/// One thread, one epoll set, and the connections, timers and mail that belong to it.
///
/// Not Sendable: it is created, used and ended on one thread; other threads hold its `LoopAddress`. Every method but
/// `start` is for the handler, or for the code that calls `runUntilStopped` on the same thread.
///
/// The generic part is this thin shell: a call per event to the handler, and forwards to `LoopCore`, which is neither
/// generic nor inlined. So `send` from another module is a plain call, specialised or not.
public final class EventLoop<Handler: LoopHandler> {
    /// How other threads reach this loop.
    public let address: LoopAddress<Handler.Mail>
    private let core: LoopCore
    private var handler: Handler?
    private var batch: ContiguousArray<Handler.Mail> = []
    private var isStopping = false

    /// A mail array that a burst has made larger than this is given back after use.
    private static var mailCapacityKept: Int { 65_536 }
    /// Rounds of mail that a turn's own work begins, before the sockets have their turn again.
    private static var ownMailRoundsMax: Int { 8 }

    /// Starts a thread that runs a loop. `makeHandler` is called on it, first.
    ///
    /// Throws `ReactorError.system` when there is no descriptor left for the loop. The loop ends by `LoopAddress.stop`.
    @discardableResult
    public static func start(
        name: String, configuration: LoopConfiguration = LoopConfiguration(), calls: SystemCalls = .real,
        makeHandler: @escaping @Sendable (EventLoop) -> Handler
    ) throws(ReactorError) -> LoopAddress<Handler.Mail> {
        let mailbox = try Mailbox<Handler.Mail>()
        let descriptors = try LoopDescriptors(wake: mailbox.wakeDescriptor)
        let address = LoopAddress(mailbox: mailbox, ended: Latch())
        let thread = Thread {
            EventLoop(address, LoopCore(descriptors, configuration, calls), makeHandler).runUntilStopped()
        }
        thread.name = name
        thread.start()
        return address
    }

    /// A loop for the current thread: call `runUntilStopped` next. A command-line client needs no other thread.
    public convenience init(
        configuration: LoopConfiguration = LoopConfiguration(), calls: SystemCalls = .real,
        makeHandler: (EventLoop) -> Handler
    ) throws(ReactorError) {
        let mailbox = try Mailbox<Handler.Mail>()
        let descriptors = try LoopDescriptors(wake: mailbox.wakeDescriptor)
        self.init(
            LoopAddress(mailbox: mailbox, ended: Latch()), LoopCore(descriptors, configuration, calls), makeHandler)
    }

    private init(_ address: LoopAddress<Handler.Mail>, _ core: LoopCore, _ makeHandler: (EventLoop) -> Handler) {
        self.address = address
        self.core = core
        handler = makeHandler(self)
    }

    // MARK: Turning

    /// Runs turns until `stop`, then tells `closed` for every connection and lets the handler go.
    public func runUntilStopped() {
        guard let handler else { return }
        address.mailbox.own()
        while !isStopping { turn(handler) }
        core.flushDirty()
        core.endAll()
        // A handler may answer `closed` with a new connection; that one is ended too, but not forever.
        for _ in 0..<8 where !core.dead.isEmpty {
            tellClosed(handler)
            core.endAll()
        }
        self.handler = nil
        address.ended.open()
    }

    /// Ends the loop after this turn.
    public func stop() { address.stop() }

    private func turn(_ handler: Handler) {
        let count = core.wait()
        tellDrained(handler)
        for index in 0..<count {
            switch core.event(index) {
            case .nothing: break
            case .received(let id, let bytes): handler.received(id, bytes)
            case .opened(let id, let opening): tell(id, opening, handler)
            case .connected(let id): handler.connected(id)
            case .readClosed(let id):
                handler.readClosed(id)
                core.followReadClosed(id)
            case .mail: deliverMail(handler)
            case .timers: fireTimers(handler)
            case .acceptable(let listener): accept(listener, handler)
            }
        }
        deliverOwnMail(handler)
        core.flushDirty()
        handler.turnEnded()
        tellClosed(handler)
        address.mailbox.announce()
    }

    /// What this turn's work had to say to this same loop, before its bytes go out: one send for all of them.
    private func deliverOwnMail(_ handler: Handler) {
        for _ in 0..<Self.ownMailRoundsMax {
            address.mailbox.drainUnannounced(into: &batch)
            guard !batch.isEmpty else { return }
            handler.mail(batch)
            batch.removeAll(keepingCapacity: batch.capacity <= Self.mailCapacityKept)
        }
    }

    private func deliverMail(_ handler: Handler) {
        if address.mailbox.drain(into: &batch) { isStopping = true }
        guard !batch.isEmpty else { return }
        handler.mail(batch)
        batch.removeAll(keepingCapacity: batch.capacity <= Self.mailCapacityKept)
    }

    private func fireTimers(_ handler: Handler) {
        let limit = core.timers.nextSequence
        while let token = core.nextDueToken(before: limit) { handler.timerFired(token) }
    }

    private func accept(_ listener: Int, _ handler: Handler) {
        var budget = core.configuration.acceptsPerTurn
        while let socket = core.accept(listener, budget: &budget) { handler.accepted(socket) }
    }

    /// In the turn after the one that drained them: a handler that refills at once must not keep the others waiting.
    private func tellDrained(_ handler: Handler) {
        guard !core.drained.isEmpty else { return }
        let count = core.drained.count
        for position in 0..<count {
            let id = core.drained[position]
            if core.isOpen(id) { handler.drained(id) }
        }
        core.drained.removeSubrange(0..<count)
    }

    private func tellClosed(_ handler: Handler) {
        guard !core.dead.isEmpty else { return }
        let count = core.dead.count
        for position in 0..<count {
            if let (id, reason) = core.deadConnection(position) { handler.closed(id, reason) }
        }
        core.recycleDead(count)
    }

    /// What a stretch of TLS records held: the end of the handshake, bytes, the end of the stream, in this order.
    private func tell(_ id: ConnectionID, _ opening: TLSOpening, _ handler: Handler) {
        if let peer = opening.securedPeer { handler.secured(id, peer) }
        if opening.isConnected { handler.connected(id) }
        if !opening.bytes.isEmpty, core.isOpen(id) { handler.received(id, opening.bytes) }
        guard core.settle(id, opening) else { return }
        handler.readClosed(id)
        core.followReadClosed(id)
    }

    // MARK: Connections

    /// Monotonic nanoseconds, read once a turn.
    public var now: UInt64 { core.now }

    /// Bytes that the kernel has taken so far, of all connections.
    public var bytesSent: Int { core.bytesSent }

    /// Connections whose `closed` is not due yet, connecting ones included.
    public var connectionCount: Int { core.liveCount }

    /// Accepts on `socket`, which is the loop's from now on.
    public func listen(on socket: ListeningSocket) { core.listen(socket) }

    /// Closes every listening socket; connections stay.
    public func stopListening() { core.stopListening() }

    /// Makes an accepted socket this loop's. At `connectionsMax` it is ended at once, with `failed(EMFILE)`.
    ///
    /// - Parameter tls: with it the handshake comes first, then `secured`, then bytes. A socket that was detached from
    ///   another loop goes on with the TLS that it has.
    @discardableResult
    public func adopt(_ socket: AcceptedSocket, tls: TLSServer? = nil) -> ConnectionID {
        core.adopt(socket, tls)
    }

    /// What the handshake told of the peer; nil without TLS, and before the handshake is done.
    public func tlsPeer(_ id: ConnectionID) -> TLSPeer? {
        core.slab.find(id)?.pointee.tls?.takeUnretainedValue().peer
    }

    /// Handshakes of this loop since its start, of both directions.
    public var handshakes: HandshakeCounts { core.handshakes }

    /// Gives a connection up, to be adopted by another loop, with its TLS: no `closed` follows. Nil, and it stays, where
    /// it is not open, or has bytes that are not sent; also from `secured` and `connected` while bytes came with the
    /// handshake's end, which are told next.
    public func detach(_ id: ConnectionID) -> AcceptedSocket? { core.detach(id) }

    /// Starts to connect: `connected` or `closed` will follow.
    public func connect(to address: SocketAddress, options: ConnectOptions = ConnectOptions()) -> ConnectionID {
        core.connect(address, options)
    }

    /// Copies `bytes` into the outbox, which is flushed once at the end of the turn.
    ///
    /// Ignored for a connection that has ended or is closing. Past `outboxBytesMax` the connection ends.
    public func send(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) { core.send(id, bytes) }

    /// Sends bytes that others send too: retained until sent, or copied up to `sharedCopyBytesMax`.
    public func send(_ id: ConnectionID, _ bytes: SharedBytes) { core.send(id, bytes) }

    public func send(_ id: ConnectionID, _ bytes: [UInt8]) { bytes.withUnsafeBytes { core.send(id, $0) } }

    /// Bytes that the kernel has not taken; 0 for a connection that has ended.
    public func outboxBytes(_ id: ConnectionID) -> Int { core.unsentBytes(id) }

    /// Bytes that the kernel has not taken, of all connections. What several loops share is counted on one of them, so
    /// only the sum over all loops is exact, and this one may be less than 0.
    public var queuedBytes: Int { core.pool.queuedBytes }

    /// Ends a connection. `afterFlush`: first everything sent goes out, then our FIN, then the peer's is awaited, within
    /// `flushSeconds` and `lingerSeconds`; the handler hears no more bytes. Otherwise at once, and the outbox is lost.
    public func close(_ id: ConnectionID, afterFlush: Bool) { core.close(id, afterFlush: afterFlush) }

    /// Leaves what the peer sends in the kernel, until the peer must stop.
    public func pauseReading(_ id: ConnectionID) { core.setPaused(id, true) }

    public func resumeReading(_ id: ConnectionID) { core.setPaused(id, false) }

    /// Ends the connection with `failed(ETIMEDOUT)` when bytes that we sent stay unconfirmed, or the peer's window shut,
    /// for `seconds` (0 is the kernel's own quarter of an hour). For a peer that only listens: it answers no ping.
    public func setUnacknowledgedMax(_ id: ConnectionID, seconds: Int) {
        core.setUnacknowledgedMax(id, seconds: seconds)
    }

    // MARK: Timers

    /// Calls `timerFired(token)` once, `delay` after the start of this turn. `TimerID.none`, and no call, at `timersMax`.
    @discardableResult
    public func schedule(after delay: Duration, token: UInt64) -> TimerID {
        guard core.timers.count < core.configuration.timersMax else { return .none }
        return core.timers.schedule(at: core.deadline(after: delay), .handler, token: token)
    }

    public func cancel(_ timer: TimerID) { core.timers.cancel(timer) }
}
