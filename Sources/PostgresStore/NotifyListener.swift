internal import Foundation
internal import Glibc
internal import Storage

/// Listens on a thread and a connection of its own, until it is stopped.
///
/// States: waiting to connect -> listening -> waiting to connect ... -> stopped. ``BusEvent/connected`` is told when
/// LISTEN is in force, ``BusEvent/disconnected(_:)`` once for each stretch without a connection.
final class NotifyListener: @unchecked Sendable {
    // @unchecked: `receive`, `isStopped` and the counts are touched with `lock` held; the rest never changes.
    /// How often a silent connection is asked whether it lives. A peer that went without a word is noticed within this
    /// and the time that an answer may take, 13 seconds together; one that says goodbye, at once.
    static let keepaliveSeconds = 5.0

    /// A connection that lasted longer than the longest pause was a good one.
    private static let steadyNanoseconds = Int64(Backoff.longestSeconds * 1e9)

    private let settings: ConnectionSettings
    /// Recursive: a receiver may stop its bus.
    private let lock = NSRecursiveLock()
    private var receive: (@Sendable (BusEvent) -> Void)?
    private var isStopped = false
    private var receivedCount: Int64 = 0
    private var connectionCount: Int64 = 0
    /// A byte in it ends every wait.
    private let wake = WakePipe()

    /// Whether the session is still the one that listens: behind a pooler that lends it for a transaction it is not, and
    /// nothing would ever come.
    private static let ping: Statement = "SELECT EXISTS (SELECT FROM pg_listening_channels() c WHERE c = $1)"

    init(_ settings: ConnectionSettings) { self.settings = settings }

    var counts: (received: Int64, connections: Int64) { lock.withLock { (receivedCount, connectionCount) } }

    func start(_ receive: @escaping @Sendable (BusEvent) -> Void) {
        lock.withLock {
            precondition(self.receive == nil, "A bus is started once")
            self.receive = receive
        }
        let thread = Thread { self.run() }
        thread.name = "carillon.listen"
        thread.start()
    }

    /// A delivery that is under way is waited for. The thread may still wait for the network, and then ends.
    func stop() {
        lock.withLock { isStopped = true }
        wake.wake()
    }

    private var isOver: Bool { lock.withLock { isStopped } }

    private func tell(_ event: BusEvent) {
        lock.withLock {
            guard !isStopped, let receive else { return }
            switch event {
            case .message: receivedCount += 1
            case .connected: connectionCount += 1
            case .disconnected: break
            }
            receive(event)
        }
    }

    private func run() {
        var backoff = Backoff()
        var isToldOfLoss = false
        while !isOver {
            var listeningSince: Int64?
            do throws(PostgresFailure) {
                let connection = try PostgresConnection(settings)
                let channel = try NotifyChannel.of(connection)
                // No parameter can name a channel; this name is made of letters and digits.
                _ = try connection.run(Statement("LISTEN \(channel)", isPrepared: false))
                isToldOfLoss = false
                listeningSince = MonotonicTime.now
                tell(.connected)
                try listen(connection, channel)
            } catch {
                if !isToldOfLoss { tell(.disconnected(error.message)) }
                isToldOfLoss = true
                // A server that drops us as soon as we are in is not asked ten times a second by every hub.
                if let listeningSince, MonotonicTime.now - listeningSince > NotifyListener.steadyNanoseconds {
                    backoff.reset()
                }
                wake.wait(seconds: backoff.next(), for: nil)
            }
        }
    }

    /// Returns when the listener is stopped.
    private func listen(_ connection: PostgresConnection, _ channel: String) throws(PostgresFailure) {
        while true {
            // Before the wait: what came with the answer to a question is in libpq's hands already.
            for notification in try connection.notifications() where notification.channel == channel {
                for line in notification.payload.utf8.split(separator: UInt8(ascii: "\n")) {
                    tell(.message(BusMessage(line: String(decoding: line, as: UTF8.self))))
                }
            }
            let isReadable = wake.wait(seconds: NotifyListener.keepaliveSeconds, for: connection.descriptor)
            if isOver { return }
            if !isReadable { try NotifyListener.ask(connection, channel) }
        }
    }
}

extension NotifyListener {
    /// Asks a silent connection whether it lives, and still listens.
    static func ask(_ connection: PostgresConnection, _ channel: String) throws(PostgresFailure) {
        var parameters = Parameters()
        parameters.add(channel)
        guard try connection.run(ping, parameters).first?.flag(0) == true else {
            throw PostgresFailure(
                kind: .lost, message: "the session does not listen any more: connect past the pooler, or by session.")
        }
    }
}

/// Ends a wait from another thread.
final class WakePipe: Sendable {
    private let ends: (read: Int32, write: Int32)

    init() {
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let result = socketpair(AF_UNIX, kind, 0, &pair)
        precondition(result == 0, "socketpair failed: \(errno)")
        ends = (pair[0], pair[1])
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    /// For good: every wait from now on ends at once.
    func wake() {
        var byte: UInt8 = 1
        _ = write(ends.write, &byte, 1)
    }

    /// Waits until `descriptor` is readable; false when the time is over or somebody woke us.
    @discardableResult
    func wait(seconds: Double, for descriptor: Int32?) -> Bool {
        // A negative descriptor is passed over by poll.
        var entries = [
            pollfd(fd: ends.read, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        let count = poll(&entries, 2, Int32(seconds * 1_000))
        return count > 0 && entries[1].revents != 0
    }
}
