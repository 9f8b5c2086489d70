internal import Foundation

/// At most so many connections, lent to one caller each.
///
/// - A caller waits up to ``waitSeconds`` for one, then gets ``PostgresFailure/Kind/poolExhausted``.
/// - A connection that broke, or comes back in the middle of something, is dropped; the next caller makes a new one.
/// - One that the server has hung up on is dropped before it is lent: a restart of the server costs nobody an error.
/// - After ``lifetimeSeconds`` it is made anew: a proxy or a failover spreads again, a backend's caches go.
final class ConnectionPool: @unchecked Sendable {
    // @unchecked: all state is touched with `condition` locked; a lent connection is its borrower's alone.
    let settings: ConnectionSettings
    let countMax: Int
    let waitSeconds: Int
    /// An hour, give or take a tenth.
    static let lifetimeSeconds = 3_600

    private let condition = NSCondition()
    private var idle: [PostgresConnection] = []
    private var lentCount = 0
    private var madeCount = 0
    private var waitCount = 0
    private let onOpen: @Sendable (PostgresConnection) throws(PostgresFailure) -> Void

    /// - Parameter onOpen: called with each new connection before it is lent for the first time.
    init(
        _ settings: ConnectionSettings, countMax: Int, waitSeconds: Int,
        onOpen: @escaping @Sendable (PostgresConnection) throws(PostgresFailure) -> Void = { _ in }
    ) {
        self.settings = settings
        self.countMax = max(countMax, 1)
        self.waitSeconds = waitSeconds
        self.onOpen = onOpen
    }

    /// Connections made so far, and how often somebody waited for one.
    var counts: (made: Int, waits: Int) {
        condition.lock()
        defer { condition.unlock() }
        return (madeCount, waitCount)
    }

    /// Lends a connection for the length of `body`.
    func lend<Value>(
        _ body: (PostgresConnection) throws(PostgresFailure) -> Value
    ) throws(PostgresFailure) -> Value {
        let connection = try borrow()
        defer { giveBack(connection) }
        return try body(connection)
    }

    /// To be followed by ``giveBack(_:)``.
    func borrow() throws(PostgresFailure) -> PostgresConnection {
        try takePlace()
        while let connection = takeIdle() {
            if !connection.hasEnded() { return connection }
        }
        do {
            let connection = try PostgresConnection(settings)
            try onOpen(connection)
            condition.lock()
            madeCount += 1
            condition.unlock()
            return connection
        } catch {
            giveBack(nil)
            throw error
        }
    }

    func giveBack(_ connection: PostgresConnection?) {
        condition.lock()
        defer { condition.unlock() }
        lentCount -= 1
        if let connection, connection.isIdle, !isOld(connection) { idle.append(connection) }
        condition.signal()
    }

    /// Takes a connection over that was made elsewhere, with the same settings.
    func add(_ connection: PostgresConnection) {
        condition.lock()
        defer { condition.unlock() }
        madeCount += 1
        idle.append(connection)
        condition.signal()
    }

    private func takePlace() throws(PostgresFailure) {
        condition.lock()
        defer { condition.unlock() }
        if lentCount >= countMax { waitCount += 1 }
        let deadline = Date(timeIntervalSinceNow: Double(waitSeconds))
        while lentCount >= countMax {
            guard condition.wait(until: deadline) || lentCount < countMax else {
                throw PostgresFailure(
                    kind: .poolExhausted,
                    message: "all \(countMax) connections to Postgres were busy for \(waitSeconds) seconds.")
            }
        }
        lentCount += 1
    }

    /// The one that was used last is the warmest. nil: one is to be made.
    private func takeIdle() -> PostgresConnection? {
        condition.lock()
        defer { condition.unlock() }
        return idle.popLast()
    }

    private func isOld(_ connection: PostgresConnection) -> Bool {
        let spread = Int64(ObjectIdentifier(connection).hashValue % 360)
        let age = (MonotonicTime.now - connection.openedAt) / 1_000_000_000
        return age > Int64(ConnectionPool.lifetimeSeconds) + spread
    }
}
