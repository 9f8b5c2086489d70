internal import CLinux
internal import Glibc

/// What one ready descriptor means to a handler.
enum LoopEvent {
    case nothing
    case mail
    case timers
    case acceptable(listener: Int)
    case connected(ConnectionID)
    case received(ConnectionID, UnsafeMutableRawBufferPointer)
    /// Bytes came by TLS, or its handshake is done.
    case opened(ConnectionID, TLSOpening)
    case readClosed(ConnectionID)
}

/// The descriptors of a loop, opened by whoever starts it, so that a lack of them is an error thrown there.
struct LoopDescriptors: Sendable {
    let set: Int32
    let timer: Int32

    init(wake: Int32) throws(ReactorError) {
        set = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard set >= 0 else { throw .system(call: "epoll_create1", code: errno) }
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
        guard timer >= 0 else {
            let code = errno
            _ = Glibc.close(set)
            throw .system(call: "timerfd_create", code: code)
        }
        for (descriptor, raw) in [(wake, LoopCore.wakeRaw), (timer, LoopCore.timerRaw)] {
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: raw))
            guard epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
                let code = errno
                _ = Glibc.close(set)
                _ = Glibc.close(timer)
                throw .system(call: "epoll_ctl", code: code)
            }
        }
    }
}

/// The loop without its handler: epoll, slots, outboxes, timers.
///
/// It is not generic, so it is compiled whole in this module, and it never calls out: the generic `EventLoop` asks it
/// what each ready descriptor means and makes one handler call. So no re-entrancy reaches this code, and the unspecialised
/// crossing costs one witness call per event, beside a system call.
final class LoopCore {
    static let wakeRaw: UInt64 = 0
    static let timerRaw: UInt64 = 1
    static let listenerRaw: UInt64 = 2
    /// iovecs of one send: 64 segments are 4 MiB, more than a socket buffer takes.
    static let partsMax = 64
    /// What TLS receives has to fit when it is opened, behind a record that had begun to come before.
    static let receiveBytesMin = 64 * 1024

    struct Listener {
        let descriptor: Int32
        var isOpen = true
        var isResting = false
    }

    let configuration: LoopConfiguration
    let calls: SystemCalls
    let descriptors: LoopDescriptors
    var slab: ConnectionSlab
    var pool: SegmentPool
    var timers = TimerHeap()
    var listeners: ContiguousArray<Listener> = []
    var now: UInt64
    var liveCount = 0
    var bytesSent = 0

    private let events: UnsafeMutableBufferPointer<epoll_event>
    let parts: UnsafeMutableBufferPointer<iovec>
    let receiveBuffer: UnsafeMutableRawBufferPointer
    /// Slots whose outbox got bytes in this turn.
    var dirty: ContiguousArray<UInt32> = []
    /// Slots whose `closed` is to be told.
    var dead: ContiguousArray<UInt32> = []
    var drained: ContiguousArray<ConnectionID> = []
    /// Made for the loop's first connection with TLS.
    var channel: TLSChannel?
    var handshakes = HandshakeCounts()
    private var armedDeadline: UInt64?

    init(_ descriptors: LoopDescriptors, _ configuration: LoopConfiguration, _ calls: SystemCalls) {
        self.descriptors = descriptors
        self.configuration = configuration
        self.calls = calls
        slab = ConnectionSlab()
        pool = SegmentPool(bytesMax: configuration.poolBytesMax)
        events = .allocate(capacity: configuration.eventsPerTurn)
        parts = .allocate(capacity: Self.partsMax)
        receiveBuffer = .allocate(
            byteCount: max(configuration.receiveBufferBytes, Self.receiveBytesMin), alignment: 64)
        now = Self.readClock()
    }

    deinit {
        for index in 0..<slab.slotCount {
            guard let connection = slab.slot(index) else { continue }
            releaseTLS(connection)
            guard connection.pointee.descriptor >= 0 else { continue }
            connection.pointee.outbox.removeAll(&pool)
            _ = Glibc.close(connection.pointee.descriptor)
        }
        for listener in listeners where listener.isOpen { _ = Glibc.close(listener.descriptor) }
        _ = Glibc.close(descriptors.set)
        _ = Glibc.close(descriptors.timer)
        slab.deallocate()
        pool.deallocate()
        events.deallocate()
        parts.deallocate()
        receiveBuffer.deallocate()
    }

    private static func readClock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    // MARK: A turn

    /// Waits for ready descriptors, unless work is left over from the last turn. Returns how many there are.
    func wait() -> Int {
        let isIdle = dirty.isEmpty && dead.isEmpty && drained.isEmpty
        // Also when it will not block: a loop that is never idle has deadlines all the same.
        armTimer()
        let count = calls.wait(descriptors.set, events, block: isIdle)
        now = Self.readClock()
        // EINTR is a turn without events; any other errno means that the set itself is broken.
        precondition(count >= 0 || count == -Int(EINTR), "epoll_wait failed: errno \(-count)")
        return max(count, 0)
    }

    func event(_ index: Int) -> LoopEvent {
        let raw = events[index].data.u64
        let ready = events[index].events
        let id = ConnectionID(raw: raw)
        guard id.generation == 0 else { return connectionEvent(id, ready) }
        switch raw {
        case Self.wakeRaw:
            return .mail
        case Self.timerRaw:
            var expirations: UInt64 = 0
            _ = Glibc.read(descriptors.timer, &expirations, MemoryLayout<UInt64>.size)
            armedDeadline = nil
            return .timers
        default:
            return .acceptable(listener: Int(raw - Self.listenerRaw))
        }
    }

    private func connectionEvent(_ id: ConnectionID, _ ready: UInt32) -> LoopEvent {
        // Closed earlier in this turn: the event is of the past.
        guard let connection = slab.find(id) else { return .nothing }
        if connection.pointee.phase == .connecting { return finishConnecting(id, connection) }
        if ready & EPOLLOUT.rawValue != 0, connection.pointee.isBlocked {
            connection.pointee.isBlocked = false
            flush(id.index, connection)
            guard connection.pointee.phase != .dead else { return .nothing }
        }
        guard ready & ~EPOLLOUT.rawValue != 0 else { return .nothing }
        let isUnheard = connection.pointee.isPaused && connection.pointee.phase != .securing
        if isUnheard || connection.pointee.isReadClosed {
            // EPOLLERR and EPOLLHUP cannot be masked: without this a paused connection that was reset spins the loop.
            if ready & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { endBroken(id.index, connection) }
            return .nothing
        }
        return receive(id, connection)
    }

    // MARK: Timers

    /// The token of the next handler timer that is due, after the loop's own that come before it.
    func nextDueToken(before limit: UInt64) -> UInt64? {
        while let fired = timers.popDue(now, before: limit) {
            switch fired.purpose {
            case .handler:
                return fired.token
            case .endConnection:
                let id = ConnectionID(raw: fired.token)
                guard let connection = slab.find(id) else { continue }
                // Still closing: the peer did not take what we had for it, and the reason must not say that it did.
                let isFlushed = connection.pointee.phase == .lingering
                end(id.index, connection, isFlushed ? connection.pointee.cause : .failed(ETIMEDOUT))
            case .retryFlush:
                let id = ConnectionID(raw: fired.token)
                guard let connection = slab.find(id), connection.pointee.isResting else { continue }
                connection.pointee.isResting = false
                markDirty(id.index, connection)
            case .resumeAccepting:
                setAccepting(Int(fired.token), true)
            }
        }
        return nil
    }

    func deadline(after delay: Duration) -> UInt64 {
        let (seconds, attoseconds) = delay.components
        guard seconds >= 0, attoseconds >= 0 else { return now }
        // A century is as good as never, and leaves the sum far from overflow.
        let whole = UInt64(min(seconds, 3_155_760_000)) * 1_000_000_000
        return now + whole + UInt64(attoseconds / 1_000_000_000)
    }

    /// Sets the timerfd when the first deadline is earlier than what it is set to; a later one finds out by firing.
    private func armTimer() {
        guard let deadline = timers.firstDeadline else { return }
        if let armedDeadline, armedDeadline <= deadline { return }
        var setting = itimerspec()
        // A deadline of the past fires at once; zero would disarm.
        setting.it_value.tv_sec = Int(deadline / 1_000_000_000)
        setting.it_value.tv_nsec = max(Int(deadline % 1_000_000_000), 1)
        timerfd_settime(descriptors.timer, Int32(TFD_TIMER_ABSTIME), &setting, nil)
        armedDeadline = deadline
    }

    // MARK: The set

    func watch(_ descriptor: Int32, _ operation: Int32, _ interest: UInt32, raw: UInt64) -> Int32 {
        var event = epoll_event(events: interest, data: epoll_data_t(u64: raw))
        return epoll_ctl(descriptors.set, operation, descriptor, &event) == 0 ? 0 : errno
    }

    /// Tells the kernel what we wait for, when that has changed.
    func updateInterest(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        guard connection.pointee.descriptor >= 0 else { return }
        var interest: UInt32 = 0
        if connection.pointee.phase == .connecting {
            interest = EPOLLOUT.rawValue
        } else {
            // A handshake goes on also for who is not to be heard yet.
            let isHeard = !connection.pointee.isPaused || connection.pointee.phase == .securing
            if isHeard, !connection.pointee.isReadClosed { interest |= EPOLLIN.rawValue }
            if connection.pointee.isBlocked { interest |= EPOLLOUT.rawValue }
        }
        guard interest != connection.pointee.interest else { return }
        connection.pointee.interest = interest
        let raw = ConnectionID(index: index, generation: connection.pointee.generation).raw
        let code = watch(connection.pointee.descriptor, EPOLL_CTL_MOD, interest, raw: raw)
        if code != 0 { end(index, connection, .failed(code)) }
    }
}
