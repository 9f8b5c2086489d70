internal import CPostgres
internal import Causality
internal import Foundation
public import Storage

/// The store that a team runs in production: one Postgres, any number of hubs.
///
/// - A commit is two round trips and one sync of the disk, however many spaces, records and pushes it has: the first
///   pipeline locks and reads all that is touched (``PostgresTransaction/prepare(_:)``), the second writes what was
///   decided, and commits.
/// - Transactions are READ COMMITTED: each statement sees what was committed before it, and the lock on the spaces' rows
///   makes everything that is read after it the newest.
/// - Serialization failures, deadlocks, lock timeouts and lost connections are retried inside. A commit whose answer was
///   lost is looked up by its transaction's number before anybody is told anything.
/// - All of it is in the connection's schema (`current_schema()`): two Carillons in two schemas do not meet.
public final class PostgresStore: Store {
    public struct Configuration: Sendable {
        /// Connections that write, one for each journal lane.
        public var writersMax = 4
        /// Connections that read.
        public var readersMax = 8
        /// How long one address is tried. 5 by default; 2 at least.
        public var connectSeconds = 5
        /// Longest statement on the server. 30 by default: a page or a commit takes milliseconds.
        public var statementSeconds = 30
        /// Longest wait for a row that another hub has locked. 10 by default: commits last milliseconds.
        public var lockSeconds = 10
        /// Longest wait for a free connection, then ``StoreError/unavailable(_:)``. 5 by default.
        public var poolWaitSeconds = 5
        /// How long it is asked what became of a commit whose answer was lost. 10 by default: a restart of the server.
        public var outcomeSeconds = 10
        /// A standby that is only read: nothing is migrated or written.
        public var isReplica = false
        /// Whether commits are dated by the server's clock; tests bring their own.
        var usesServerClock = true

        public init() {}
    }

    let configuration: Configuration
    let settings: ConnectionSettings
    let writers: ConnectionPool
    let readers: ConnectionPool
    let embeddings: EmbeddingColumn
    /// The advisory lock that commits share, and whoever changes a policy, the life or the schema has alone.
    let lockKey: Int64
    /// Where the tables are: what channels of NOTIFY are named after.
    let schemaName: String
    /// Database and schema: what tells the store from others on one server.
    public let name: String
    let life: LifeStatements
    let log: @Sendable (String) -> Void
    let state: Guarded<State>
    /// Small writes of accounts, gathered.
    let sharedStatements: SharedStatements

    struct State: Sendable {
        private(set) var generation: Generation
        /// How many it has had here.
        private(set) var lifeCount = 0
        var metrics = PostgresMetrics()
        /// The policies as they were at this revision.
        var policyRevision: Int64 = -1
        var policies: [Identifier: ConflictPolicy] = [:]

        init(generation: Generation) { self.generation = generation }

        /// - Parameter count: ``lifeCount`` before the generation was read: what was read before another one came is old.
        mutating func note(_ generation: Generation, seenAt count: Int? = nil) {
            guard generation != self.generation, count ?? lifeCount == lifeCount else { return }
            self.generation = generation
            lifeCount += 1
        }
    }

    public var writersMax: Int { configuration.writersMax }

    public var generation: Generation { state.withLock { $0.generation } }

    /// Whether it takes no writes: a standby.
    public var isReadOnly: Bool { configuration.isReplica }

    public var metrics: PostgresMetrics {
        var metrics = state.withLock { $0.metrics }
        let (writing, reading) = (writers.counts, readers.counts)
        metrics.connections = writing.made + reading.made
        metrics.poolWaits = writing.waits + reading.waits
        return metrics
    }

    public var accounts: any AccountStore { PostgresAccounts(store: self) }

    /// Connects, and brings the schema to this program's version.
    ///
    /// - Parameters:
    ///   - conninfo: a `postgres://` URL or `key=value` text as libpq takes it; empty: the PG* variables.
    ///   - log: told in a sentence what a person may want to know.
    /// - Throws: ``StoreError/newerSchema(found:supported:)``, ``StoreError/denied(_:)``,
    ///   ``StoreError/unavailable(_:)``.
    public convenience init(
        conninfo: String, configuration: Configuration = Configuration(),
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(StoreError) {
        do throws(PostgresFailure) {
            try self.init(conninfo, configuration, log)
        } catch {
            if case .server(SchemaMismatch.sqlState) = error.kind, let found = Int(error.message) {
                throw .newerSchema(found: found, supported: Schema.version)
            }
            throw StoreError(error)
        }
    }

    private init(
        _ conninfo: String, _ configuration: Configuration, _ log: @escaping @Sendable (String) -> Void
    ) throws(PostgresFailure) {
        var settings = try ConnectionSettings(conninfo: conninfo)
        settings.connectSeconds = configuration.connectSeconds
        settings.statementSeconds = configuration.statementSeconds
        settings.lockSeconds = configuration.lockSeconds
        let connection = try PostgresConnection(settings)
        let found = try OpenedSchema(connection, migrates: !configuration.isReplica, log: log)
        let generation = try found.settle(
            on: connection, isReplica: configuration.isReplica, log: found.isNew ? { _ in } : log)
        let state = Guarded(State(generation: generation))
        // Each new connection may be to another server: after a failover, behind a proxy.
        let onOpen: @Sendable (PostgresConnection) throws(PostgresFailure) -> Void = {
            (connection) throws(PostgresFailure) in
            let count = state.withLock { $0.lifeCount }
            let generation = try found.settle(on: connection, isReplica: configuration.isReplica, log: log)
            state.withLock { $0.note(generation, seenAt: count) }
        }
        self.configuration = configuration
        self.settings = settings
        self.log = log
        self.state = state
        (embeddings, lockKey, schemaName, life) = (found.embeddings, found.lockKey, found.name, found.life)
        name = "\(found.databaseName).\(found.name)"
        writers = ConnectionPool(
            settings, countMax: configuration.writersMax, waitSeconds: configuration.poolWaitSeconds, onOpen: onOpen)
        readers = ConnectionPool(
            settings, countMax: configuration.readersMax, waitSeconds: configuration.poolWaitSeconds, onOpen: onOpen)
        sharedStatements = SharedStatements(writers, state, seconds: configuration.statementSeconds)
        writers.add(connection)
    }

    /// What opening the store would do to the database, which is only read.
    public static func plan(conninfo: String) throws(StoreError) -> MigrationPlan {
        do throws(PostgresFailure) {
            let connection = try PostgresConnection(ConnectionSettings(conninfo: conninfo))
            return try SchemaMigration(connection: connection).plan()
        } catch {
            throw StoreError(error)
        }
    }

    /// Gives the log another life: all cursors are told to resync.
    public func renewGeneration() throws(StoreError) {
        let generation = try change { (connection) throws(PostgresFailure) in
            try OpenedSchema.renew(on: connection, lockKey: self.lockKey, life: self.life)
        }
        state.withLock { $0.note(generation) }
    }

    public var isUnfinished: Bool {
        get throws(StoreError) {
            try read { (connection) throws(PostgresFailure) in
                try connection.run(self.life.reading).first.map { Life($0).isUnfinished } ?? false
            }
        }
    }

    /// Runs `body` on a connection that reads; again where its connection was lost under it, or a standby that replays
    /// was in its way.
    func read<Value>(
        _ body: (PostgresConnection) throws(PostgresFailure) -> Value
    ) throws(StoreError) -> Value {
        var retries = Retries(until: configuration.statementSeconds)
        while true {
            do throws(PostgresFailure) {
                return try readers.lend(body)
            } catch {
                guard retries.mayRetry(error) else { throw StoreError(error) }
                retries.note(error, in: state)
                retries.pause()
            }
        }
    }

    /// Runs `body`, which reads the life in the same cut as what it returns. Where the log was restored behind our back it
    /// has another generation before this returns: a caller who compares ``generation`` before and after knows of which
    /// life the value is.
    func readOfLife<Value>(
        _ body: (PostgresConnection, Statement) throws(PostgresFailure) -> (life: Rows, Value)
    ) throws(StoreError) -> Value {
        for _ in 0..<3 {
            var isElsewhere = false
            let count = state.withLock { $0.lifeCount }
            let value = try read { (connection) throws(PostgresFailure) in
                // A standby may have been promoted on the same connection.
                let statement = configuration.isReplica ? life.reading : LifeStatements.glance
                let (rows, value) = try body(connection, statement)
                guard let found = rows.first.map(Life.init) else { throw Life.missing }
                isElsewhere = found.isElsewhere
                if !isElsewhere { state.withLock { $0.note(found.generation, seenAt: count) } }
                return value
            }
            guard isElsewhere else { return value }
            // A standby's life is its primary's to settle.
            guard !configuration.isReplica else { break }
            try renewIfElsewhere()
        }
        throw StoreError(Life.partial)
    }

    /// Runs `body`, one transaction that may be done twice, on a connection that writes; again where Postgres says that it
    /// may be, or the connection was lost.
    ///
    /// - Throws: ``StoreError/outcomeUnknown(_:)`` where it may have been done and could not be done again.
    func change<Value>(
        _ body: (PostgresConnection) throws(PostgresFailure) -> Value
    ) throws(StoreError) -> Value {
        var retries = Retries(until: configuration.statementSeconds)
        var isUncertain = false
        while true {
            do throws(PostgresFailure) {
                return try writers.lend { (connection) throws(PostgresFailure) in
                    do throws(PostgresFailure) {
                        return try body(connection)
                    } catch {
                        isUncertain = isUncertain || error.kind == .lost
                        if !connection.isBroken, !connection.isIdle {
                            _ = try? connection.run(PostgresTransaction.rollback)
                        }
                        throw error
                    }
                }
            } catch {
                guard retries.mayRetry(error) else {
                    throw isUncertain ? .outcomeUnknown(error.uncertainty) : StoreError(error)
                }
                retries.note(error, in: state)
                retries.pause()
            }
        }
    }
}
