public import Storage

/// Hubs tell each other of commits by LISTEN and NOTIFY: no other server than the store's is needed.
///
/// - Listens on a connection of its own, which is asked every ``NotifyListener/keepaliveSeconds`` whether it lives, and
///   made anew when it does not.
/// - Sends on another one, outside the transactions of the log: NOTIFY takes a lock of the whole database at its commit,
///   and inside them it halved what 8 to 32 writers commit. What waits while one NOTIFY is on its way goes with the next.
/// - The channel is named after the schema: two Carillons in one database do not meet.
///
/// Not through a pool that lends a connection for a transaction (PgBouncer's transaction mode): LISTEN ends with it.
public final class PostgresBus: Bus {
    private let listener: NotifyListener
    private let sender: NotifySender

    public var carriesPayloads: Bool { false }

    /// Connects only at ``start(_:)``, and at the first message.
    ///
    /// - Parameters:
    ///   - conninfo: a `postgres://` URL or `key=value` text as libpq takes it; empty: the PG* variables.
    ///   - log: told when sending fails and when it works again.
    /// - Throws: ``StoreError/denied(_:)`` where the text is none that libpq understands.
    public init(conninfo: String, log: @escaping @Sendable (String) -> Void = { _ in }) throws(StoreError) {
        do {
            var settings = try ConnectionSettings(conninfo: conninfo)
            // A NOTIFY or a question whether the server lives: longer than that it does not.
            settings.statementSeconds = 3
            settings.lockSeconds = 3
            listener = NotifyListener(settings)
            sender = NotifySender(settings, log: log)
        } catch {
            throw StoreError(error)
        }
    }

    deinit { stop() }

    public var metrics: PostgresBusMetrics {
        var metrics = sender.metrics
        (metrics.received, metrics.connections) = listener.counts
        return metrics
    }

    public func start(_ receive: @escaping @Sendable (BusEvent) -> Void) {
        listener.start(receive)
    }

    public func post(_ message: BusMessage) {
        sender.post(message.line)
    }

    public func stop() {
        sender.stop()
        listener.stop()
    }
}

/// What a ``PostgresBus`` has done so far.
public struct PostgresBusMetrics: Sendable, Equatable {
    /// Messages that went out, and NOTIFYs that they took.
    public var sent: Int64 = 0
    public var notifications: Int64 = 0
    /// Messages that did not: the queue was full, the connection was lost, or they were none that NOTIFY carries.
    public var dropped: Int64 = 0
    /// Messages that came in, our own among them.
    public var received: Int64 = 0
    /// Connections that listened: the first one, and one more after each loss.
    public var connections: Int64 = 0

    public init() {}
}

/// The channel of a session's schema, by the server's own answer: a name of 41 bytes whatever the schema's is.
enum NotifyChannel {
    static let name = Statement("SELECT 'carillon_' || md5(coalesce(current_schema(), ''))", isPrepared: false)

    static func of(_ connection: PostgresConnection) throws(PostgresFailure) -> String {
        guard let row = try connection.run(name).first else {
            throw PostgresFailure(kind: .damaged, message: "Postgres did not tell its schema")
        }
        return row.text(0)
    }
}

/// Pauses between attempts to connect, longer each time and of random length, so that all hubs of a server that comes
/// back do not come at one moment.
struct Backoff {
    static let firstSeconds = 0.1
    static let longestSeconds = 5.0
    private var seconds = Backoff.firstSeconds

    mutating func next() -> Double {
        defer { seconds = min(seconds * 2, Backoff.longestSeconds) }
        return Double.random(in: seconds / 2...seconds)
    }

    mutating func reset() { seconds = Backoff.firstSeconds }
}
