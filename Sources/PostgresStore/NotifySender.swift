internal import Foundation
internal import Storage

/// Sends what others post: all that waits goes as few NOTIFYs in one transaction, from a thread of its own.
///
/// At most once: what was under way when the connection was lost is dropped, and so is what finds the queue full.
final class NotifySender: @unchecked Sendable {
    // @unchecked: all state is touched with `condition` locked, but for the connection, which is the thread's.
    /// Bytes of lines that wait: some 10,000 of a hub's. Who is told of no more looks into the store.
    static let queuedBytesMax = 1 << 20
    /// Payloads of one transaction: some 125 KB.
    static let payloadsMax = 16
    /// Seconds between two transactions. A hub commits some thousand times a second, and a NOTIFY for each took a tenth of
    /// the server's time; the first line after a silence goes at once.
    static let pauseSeconds = 0.003

    private let settings: ConnectionSettings
    private let log: @Sendable (String) -> Void
    private let condition = NSCondition()
    private var lines: [String] = []
    private var queuedBytes = 0
    private var counted = PostgresBusMetrics()
    private var isStarted = false
    private var isStopped = false
    private let wake = WakePipe()

    // The commit of a NOTIFY keeps nothing that a crash could lose: it need not wait for the disk.
    private static let lazy = Statement(
        "SELECT set_config('synchronous_commit', 'off', false)", isPrepared: false)
    private static let notify = Statement("SELECT pg_notify($1, $2)")

    init(_ settings: ConnectionSettings, log: @escaping @Sendable (String) -> Void) {
        self.settings = settings
        self.log = log
    }

    var metrics: PostgresBusMetrics {
        condition.lock()
        defer { condition.unlock() }
        return counted
    }

    func post(_ line: String) {
        condition.lock()
        defer { condition.unlock() }
        guard !isStopped else { return }
        let bytes = line.utf8.count
        guard bytes > 0, bytes <= BusMessage.lineBytesMax, queuedBytes + bytes <= NotifySender.queuedBytesMax,
            !line.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\n") })
        else {
            counted.dropped += 1
            return
        }
        lines.append(line)
        queuedBytes += bytes
        if !isStarted {
            isStarted = true
            let thread = Thread { self.run() }
            thread.name = "carillon.notify"
            thread.start()
        }
        condition.signal()
    }

    /// What waits is dropped.
    func stop() {
        condition.lock()
        isStopped = true
        counted.dropped += Int64(lines.count)
        lines = []
        queuedBytes = 0
        condition.signal()
        condition.unlock()
        wake.wake()
    }

    private func run() {
        var backoff = Backoff()
        var hasFailed = false
        var session: (connection: PostgresConnection, channel: String)?
        while waitForLines() {
            var taken: (payloads: [String], lineCount: Int) = ([], 0)
            do throws(PostgresFailure) {
                // A server that restarted while nobody sent costs no message.
                if let idle = session?.connection, idle.hasEnded() { session = nil }
                if session == nil { session = try open() }
                guard let current = session else { continue }
                taken = take()
                try send(taken.payloads, current.connection, to: current.channel)
                count(sent: taken)
                backoff.reset()
                if hasFailed { log("NOTIFY works again") }
                hasFailed = false
                wake.wait(seconds: NotifySender.pauseSeconds, for: nil)
            } catch {
                session = nil
                drop(taken.lineCount)
                if !hasFailed { log("NOTIFY failed: \(error.message)") }
                hasFailed = true
                wake.wait(seconds: backoff.next(), for: nil)
            }
        }
    }

    private func open() throws(PostgresFailure) -> (connection: PostgresConnection, channel: String) {
        let connection = try PostgresConnection(settings)
        _ = try connection.run(NotifySender.lazy)
        return (connection, try NotifyChannel.of(connection))
    }

    private func send(
        _ payloads: [String], _ connection: PostgresConnection, to channel: String
    ) throws(PostgresFailure) {
        for payload in payloads {
            var parameters = Parameters()
            parameters.add(channel)
            parameters.add(payload)
            try connection.send(NotifySender.notify, parameters)
        }
        _ = try connection.sync()
    }

    /// False when it is stopped.
    private func waitForLines() -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while lines.isEmpty, !isStopped { condition.wait() }
        return !isStopped
    }

    /// The oldest lines, joined to payloads.
    private func take() -> (payloads: [String], lineCount: Int) {
        condition.lock()
        defer { condition.unlock() }
        var payloads: [String] = []
        var payload = ""
        var count = 0
        for line in lines {
            if !payload.isEmpty, payload.utf8.count + 1 + line.utf8.count > BusMessage.lineBytesMax {
                payloads.append(payload)
                payload = ""
                if payloads.count == NotifySender.payloadsMax { break }
            }
            payload += payload.isEmpty ? line : "\n" + line
            queuedBytes -= line.utf8.count
            count += 1
        }
        if !payload.isEmpty { payloads.append(payload) }
        lines.removeFirst(count)
        return (payloads, count)
    }

    private func count(sent: (payloads: [String], lineCount: Int)) {
        condition.lock()
        defer { condition.unlock() }
        counted.sent += Int64(sent.lineCount)
        counted.notifications += Int64(sent.payloads.count)
    }

    private func drop(_ count: Int) {
        condition.lock()
        defer { condition.unlock() }
        counted.dropped += Int64(count)
    }
}
