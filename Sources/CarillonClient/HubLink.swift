internal import Cryptography
internal import HTTP
public import Reactor
internal import WebSocket
public import Wire

/// A device's session with a hub that comes back by itself, on an event loop of its own.
///
///     waiting, start  --resolve-->   resolving
///     resolving       --addresses--> connecting   (each address in turn)
///     connecting      --connected--> upgrading    (HTTP, with the key)
///     upgrading       --101-->       greeting     (hello sent)
///     greeting        --welcome-->   open
///     any of these    --trouble-->   waiting      (backoff), or ended when trying again cannot help
///     any             --finish-->    ended
///
/// Resumes from its cursor and checks the chain: a frame that does not begin where the one before ended is not
/// delivered; the link says so and connects again from its own cursor.
public final class HubLink: LoopHandler {
    public enum Mail: Sendable {
        case resolved(attempt: Int, Result<[SocketAddress], ReactorError>)
        /// For the delegate.
        case note(any Sendable)
    }

    enum Phase {
        case resolving
        case connecting
        case upgrading
        case greeting
        case open
        case waiting
        case ended
    }

    /// The link's own timers; a delegate's tokens are below.
    enum Token {
        static let own: UInt64 = 1 << 32
        static let retry = own
        static let tick = own + 1
        static let end = own + 2
    }

    public let configuration: HubLinkConfiguration
    /// Of the hub, once it has welcomed us.
    public internal(set) var limits = WireLimits.standard
    let loop: EventLoop<HubLink>
    let delegate: any HubLinkDelegate
    var chain: CursorChain
    var phase = Phase.waiting
    var backoff: Backoff
    var random = SystemRandomNumberGenerator()
    var attempt = 0
    var addresses: [SocketAddress] = []
    var addressIndex = 0
    var connection: ConnectionID?
    var webSocketKey = ""
    var parser = ResponseParser()
    var refusal: (status: Int, retryAfterMs: Int?, body: [UInt8])?
    var machine: WebSocketMachine?
    let deflate = SharedDeflate()
    var scratch: [UInt8] = []
    /// Loop time, nanoseconds.
    var attemptedAt: UInt64 = 0
    var openedAt: UInt64 = 0
    var heardAt: UInt64 = 0
    /// Bytes of our outbox at the last tick.
    var lastPendingBytes = 0
    var pingedAt: UInt64?
    /// Bytes came on this connection.
    var isHeard = false
    /// A session stood once: a certificate that is not trusted now is somebody's mistake, and may be mended.
    var wasOpen = false
    var target: TLSTarget?
    /// What the hub asked for in an error before it closed.
    var askedMs: Int?
    var retryTimer = TimerID.none
    /// Nothing is read from an open session until its delegate wants more.
    var isPaused = false

    init(
        _ configuration: HubLinkConfiguration, cursor: Cursor?, loop: EventLoop<HubLink>,
        delegate: any HubLinkDelegate
    ) {
        self.configuration = configuration
        self.loop = loop
        self.delegate = delegate
        chain = CursorChain(at: cursor)
        backoff = configuration.backoff
    }

    /// Runs a link on the current thread until it ends.
    ///
    /// - Parameter ready: gets the address by which other threads send notes; called before the first try.
    /// - Throws: when there is no descriptor left for a loop.
    public static func run(
        _ configuration: HubLinkConfiguration, from cursor: Cursor? = nil, delegate: any HubLinkDelegate,
        ready: (LoopAddress<Mail>) -> Void = { _ in }
    ) throws(ReactorError) {
        var loopConfiguration = LoopConfiguration()
        // Pushes in flight are bounded by their sender; this is far above.
        loopConfiguration.outboxBytesMax = 128 << 20
        let loop = try EventLoop<HubLink>(configuration: loopConfiguration) { loop in
            ready(loop.address)
            let link = HubLink(configuration, cursor: cursor, loop: loop, delegate: delegate)
            link.connect()
            loop.schedule(after: .seconds(link.tickSeconds), token: Token.tick)
            return link
        }
        loop.runUntilStopped()
    }

    // MARK: For the delegate

    public var cursor: Cursor? { chain.cursor }
    public var isOpen: Bool { phase == .open }
    /// Monotonic nanoseconds, read once a turn.
    public var now: UInt64 { loop.now }

    /// Sends a frame. Nothing happens while no session stands.
    public func send(_ frame: ClientFrame) {
        guard phase == .open else { return }
        var payload: [UInt8] = []
        frame.encode(into: &payload)
        send(payload: payload)
    }

    /// Sends a frame that is encoded already, to be sent again as it is. Nothing happens while no session stands.
    public func send(encoded frame: [UInt8]) {
        guard phase == .open else { return }
        send(payload: frame)
    }

    /// Calls `link(_:timer:)` once. Tokens are below 2^32.
    public func schedule(afterMilliseconds milliseconds: Int, token: UInt64) {
        loop.schedule(after: .milliseconds(milliseconds), token: token)
    }

    /// Leaves what the hub sends in the kernel, until the hub must stop. What was read already is still told.
    ///
    /// The hub is pinged meanwhile, so that it does not take the silence for our end; where it ends the session all the
    /// same, the next one resumes at our cursor.
    public func pause() {
        guard !isPaused else { return }
        isPaused = true
        if phase == .open, let connection { loop.pauseReading(connection) }
    }

    public func resume() {
        guard isPaused else { return }
        isPaused = false
        heardAt = loop.now
        pingedAt = nil
        if let connection { loop.resumeReading(connection) }
    }

    /// Says bye and ends the loop; `link(_:lost:retrySeconds:)` is not called.
    public func finish() {
        guard phase != .ended else { return }
        send(.bye)
        if phase == .open { write { $0.appendClose(.normal, into: &$1) } }
        phase = .ended
        loop.cancel(retryTimer)
        guard let connection else {
            loop.stop()
            return
        }
        loop.close(connection, afterFlush: true)
        // The hub closes when it has read all; half a second is long enough to wait for that.
        loop.schedule(after: .milliseconds(500), token: Token.end)
    }

    // MARK: The loop's events

    public func mail(_ batch: ContiguousArray<Mail>) {
        for mail in batch {
            switch mail {
            case .resolved(let attempt, let result): resolved(attempt, result)
            case .note(let note): if phase != .ended { delegate.link(self, note: note) }
            }
        }
    }

    public func timerFired(_ token: UInt64) {
        switch token {
        case Token.retry: if phase == .waiting { connect() }
        case Token.tick: tick()
        case Token.end: loop.stop()
        default: if phase != .ended { delegate.link(self, timer: token) }
        }
    }

    public func closed(_ id: ConnectionID, _ reason: CloseReason) {
        guard id == connection else { return }
        connection = nil
        switch phase {
        case .ended: loop.stop()
        case .connecting: tryNextAddress(after: reason)
        case .upgrading: upgradeClosed(reason)
        case .greeting, .open:
            lose(.ended(configuration.url, reason), askedMs: askedMs)
        case .resolving, .waiting: break
        }
    }

    // MARK: Silence

    var tickSeconds: Int { max(1, min(5, configuration.pingSeconds / 2)) }

    private func tick() {
        guard phase != .ended else { return }
        loop.schedule(after: .seconds(tickSeconds), token: Token.tick)
        switch phase {
        case .connecting, .upgrading, .greeting:
            if seconds(since: attemptedAt) > configuration.connectSeconds {
                lose(.unreachable(configuration.url, "no welcome in \(configuration.connectSeconds) seconds"))
            }
        case .open:
            // We do not listen, so we cannot tell whether the hub is there; it is to know that we are.
            if isPaused {
                write { $0.appendPing(into: &$1) }
                return
            }
            // A long upload on a slow line is not silence: while our bytes leave, the hub is there.
            let pendingBytes = connection.map { loop.outboxBytes($0) } ?? 0
            if pendingBytes != lastPendingBytes {
                heardAt = loop.now
                pingedAt = nil
            }
            lastPendingBytes = pendingBytes
            if let pingedAt {
                guard seconds(since: pingedAt) > configuration.pingSeconds else { return }
                lose(.unreachable(configuration.url, "it fell silent"))
            } else if seconds(since: heardAt) >= configuration.pingSeconds {
                pingedAt = loop.now
                write { $0.appendPing(into: &$1) }
            }
        case .resolving, .waiting, .ended: break
        }
    }

    private func seconds(since time: UInt64) -> Int { Int((loop.now - time) / 1_000_000_000) }

    // MARK: Loss

    /// Ends the session or the try, and says when the next one comes.
    func lose(_ error: ClientError, askedMs: Int? = nil) {
        guard phase != .ended, phase != .waiting else { return }
        if phase == .open, seconds(since: openedAt) >= configuration.soundSeconds { backoff.reset() }
        if let connection {
            self.connection = nil
            loop.close(connection, afterFlush: true)
        }
        machine = nil
        self.askedMs = nil
        guard error.mayRetry || (wasOpen && error.cause == .untrusted) else {
            phase = .ended
            delegate.link(self, lost: error, retrySeconds: nil)
            loop.stop()
            return
        }
        phase = .waiting
        let asked = Double(askedMs ?? error.retryAfterMs ?? 0) / 1_000
        let wait = backoff.next(askedSeconds: asked, using: &random)
        retryTimer = loop.schedule(after: .milliseconds(Int(wait * 1_000)), token: Token.retry)
        delegate.link(self, lost: error, retrySeconds: wait)
    }

    // MARK: Writing

    func send(payload: [UInt8]) {
        write { $0.appendMessage(.text, payload, into: &$1) }
    }

    func write(_ body: (inout WebSocketMachine, inout [UInt8]) -> Void) {
        guard let connection, machine != nil else { return }
        scratch.removeAll(keepingCapacity: true)
        body(&machine!, &scratch)
        loop.send(connection, scratch)
    }
}
