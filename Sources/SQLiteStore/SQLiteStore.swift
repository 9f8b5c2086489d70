internal import Causality
internal import Foundation
internal import GRDB
public import Storage
internal import Synchronization

/// The embedded default: one SQLite file, written ahead (WAL) and synced at every commit.
///
/// Another process may open the same file, `carillon key create` while the hub runs: writers wait for each other up to
/// ``Configuration/busySeconds``, then see ``StoreError/unavailable(_:)``.
public final class SQLiteStore: Store {
    public struct Configuration: Sendable {
        /// Connections that read at once. Each costs its page cache, 4 by default: reads are short.
        public var readersMax = 4
        /// How long a writer waits for another process. 10 by default, past any checkpoint.
        public var busySeconds = 10.0
        /// Most pages of 8 KiB in the file, nil for no limit: a quota, and the way to see a full disk in a test.
        public var pageCountMax: Int?

        public init() {}
    }

    private let life: Atomic<UInt64>
    public var generation: Generation { Generation(life.load(ordering: .acquiring)) }
    public let writersMax = 1
    let pool: DatabasePool
    let sharedWrites: SharedWrites
    let policyCache = PolicyCache()

    public var accounts: any AccountStore { SQLiteAccounts(store: self) }

    /// Opens the store at `path`, creating folder and file, readable by their owner only, where they do not exist.
    public convenience init(path: String) throws(StoreError) {
        try self.init(path: path, configuration: Configuration())
    }

    public init(path: String, configuration: Configuration) throws(StoreError) {
        do {
            try PrivateFile.prepare(path)
            let pool = try DatabasePool(path: path, configuration: SQLiteStore.connection(configuration))
            try pool.writeWithoutTransaction { database in
                // FULL: a commit is on the disk when it returns. GRDB's default for WAL may lose the last ones.
                try database.execute(sql: "PRAGMA synchronous = FULL")
                if let pageCountMax = configuration.pageCountMax {
                    try database.execute(sql: "PRAGMA max_page_count = \(pageCountMax)")
                }
            }
            let generation = try pool.write { database in
                try Schema.migrate(database)
                return try Int64.fetchOne(database, sql: "SELECT generation FROM log_life")
            }
            guard let generation else { throw StoreError.corrupt("the log has no generation") }
            life = Atomic(UInt64(bitPattern: generation))
            self.pool = pool
            sharedWrites = SharedWrites(pool)
        } catch {
            throw StoreError(error)
        }
    }

    private static func connection(_ configuration: Configuration) -> GRDB.Configuration {
        var connection = GRDB.Configuration()
        connection.label = "carillon.store"
        connection.maximumReaderCount = configuration.readersMax
        connection.busyMode = .timeout(configuration.busySeconds)
        connection.foreignKeysEnabled = true
        connection.prepareDatabase { database in
            try Schema.check(database)
            // 8 KiB: a row of up to 2,000 bytes stays on its page (with 4 KiB, 1,000).
            try database.execute(sql: "PRAGMA page_size = 8192")
            // Readers follow the log, which they read once and the system keeps: 2 MiB each. 16 of the writer's are for
            // the pages that many commits touch.
            let cacheKiB = database.configuration.readonly ? 2_048 : 16_384
            try database.execute(sql: "PRAGMA cache_size = -\(cacheKiB)")
            // 32 MiB, from 8: a page that many commits touch is carried over to the database once. 64 users that push one
            // by one had 18,700 changes a second with it, and 15,600 without.
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 4096")
        }
        return connection
    }

    public func write<Value>(
        _ body: (any StoreTransaction) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        var isCommitting = false
        do {
            return try pool.write { database in
                let value = try body(SQLiteTransaction(database: database, policyCache: policyCache))
                isCommitting = true
                return value
            }
        } catch {
            throw StoreError(error, isCommitting: isCommitting)
        }
    }

    func set(_ generation: Generation) {
        life.store(generation.value, ordering: .releasing)
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do {
            return try pool.read(body)
        } catch {
            throw StoreError(error)
        }
    }
}
