internal import Causality
internal import GRDB
public import Storage

extension SQLiteStore {
    public var isUnfinished: Bool {
        get throws(StoreError) { try read { try SQLiteStore.isUnfinished($0) } }
    }

    public func renewGeneration() throws(StoreError) {
        let life = Generation.random()
        do {
            try pool.write { try SQLiteStore.set(life, $0) }
        } catch {
            throw StoreError(error)
        }
        set(life)
    }

    public func fill(_ next: () throws -> KeptItem?) throws {
        do {
            try pool.write { database in
                guard try !SQLiteStore.isUnfinished(database) else { throw StoreError.unfinished }
                guard try SQLiteStore.isEmpty(database) else { throw StoreError.notEmpty }
                policyCache.forget()
                try database.execute(sql: "UPDATE log_life SET is_unfinished = 1")
            }
            var filling = Filling()
            var life: Generation?
            while life == nil {
                // What is pulled inside the transaction goes straight into it: no chunk is held in memory, and the piece
                // that is refused is the one that was pulled last.
                life = try pool.write { try filling.takeChunk($0, next) }
            }
            policyCache.forget()
            if let life { set(life) }
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }

    static func isUnfinished(_ database: Database) throws -> Bool {
        try Bool.fetchOne(database, sql: "SELECT is_unfinished FROM log_life") ?? false
    }

    static func set(_ life: Generation, _ database: Database) throws {
        try database.execute(
            sql: "UPDATE log_life SET generation = ?", arguments: [Int64(bitPattern: life.value)])
    }

    private static func isEmpty(_ database: Database) throws -> Bool {
        for table in ["users", "teams", "spaces", "policies"] {
            guard try Row.fetchOne(database, sql: "SELECT 1 FROM \(table) LIMIT 1") == nil else { return false }
        }
        return true
    }
}

/// A store that is being filled.
private struct Filling {
    /// Pieces of one transaction: with rows of 600 bytes some 12 MB, well under the page cache, and a sync of the disk for
    /// a tenth of a second's work.
    private static let itemsPerChunk = 16_384
    /// Bytes of bodies and embeddings of one transaction, where they are large.
    private static let bytesPerChunk = 16 << 20

    private var sequence = KeptSequence()
    private var space: (number: Int64, statistics: SpaceStatistics)?

    /// - Returns: the life, once there is nothing more to come and all is in its place.
    mutating func takeChunk(_ database: Database, _ next: () throws -> KeptItem?) throws -> Generation? {
        var count = 0
        var bytes = 0
        while count < Filling.itemsPerChunk, bytes < Filling.bytesPerChunk {
            guard let item = try next() else { return try finish(database) }
            try sequence.take(item)
            bytes += try take(item, database)
            count += 1
        }
        return nil
    }

    /// - Returns: about how many bytes it has.
    private mutating func take(_ item: KeptItem, _ database: Database) throws -> Int {
        switch item {
        case .life: break
        case .policy(let policy, let kind):
            let stored = StoredPolicy(policy)
            try database.execute(
                sql: "INSERT INTO policies (kind, policy, rule) VALUES (?, ?, ?)",
                arguments: [kind.text, stored.name, stored.rule])
        case .user, .key, .device, .note, .team, .member: return try KeptAccount.insert(item, database)
        case .space(let name, let head):
            try settle(database)
            try database.execute(
                sql: "INSERT INTO spaces (space, head) VALUES (?, ?)", arguments: [name.text, head.microseconds])
            space = (
                database.lastInsertedRowID,
                SpaceStatistics(head: head, recordCount: 0, deletedCount: 0, siblingCount: 0)
            )
        case .entry(let entry, _):
            try insert(entry, database)
            return entry.encodedBytesEstimate
        case .version(let version, let name, _):
            try insert(version, of: name, database)
            return version.change.body.count
        }
        return 0
    }

    private mutating func insert(_ entry: LogEntry, _ database: Database) throws {
        let insertion = try HotStatement(VersionRow.insertion, database)
        insertion.bind(1, space?.number ?? 0)
        VersionRow.bind(entry, to: insertion)
        try run(insertion, of: entry.change)
        space?.statistics.count(isSibling: entry.isSibling, isDeleted: entry.change.isDeleted, by: 1)
    }

    private func run(_ insertion: HotStatement, of change: Change) throws(StoreError) {
        do throws(StoreError) {
            try insertion.run()
        } catch {
            guard case .refused = error else { throw error }
            // The position is a new one (`KeptSequence`): it is the index `heads` that refused.
            throw .refused("the record \(change.kind)/\(change.id) has two heads")
        }
    }

    private func insert(_ version: HistoryVersion, of name: RecordName, _ database: Database) throws {
        let insertion = try HotStatement(HistoryRow.insertion, database)
        insertion.bind(1, space?.number ?? 0)
        insertion.bind(2, name.kind)
        insertion.bind(3, name.id)
        HistoryRow.bind(version, to: insertion)
        try insertion.run()
    }

    /// The space is over: its counts are known.
    private mutating func settle(_ database: Database) throws {
        guard let (number, statistics) = space else { return }
        try database.execute(
            sql: "UPDATE spaces SET record_count = ?, deleted_count = ?, sibling_count = ? WHERE number = ?",
            arguments: [statistics.recordCount, statistics.deletedCount, statistics.siblingCount, number])
        space = nil
    }

    private mutating func finish(_ database: Database) throws -> Generation {
        let life = try sequence.finish()
        try settle(database)
        try KeptAccount.check(database)
        let orphan = try Row.fetchOne(
            database,
            sql: """
                SELECT kind, id FROM versions AS sibling INDEXED BY siblings
                WHERE is_sibling = 1 AND NOT EXISTS (
                    SELECT 1 FROM versions AS head INDEXED BY heads
                    WHERE head.space = sibling.space AND head.kind = sibling.kind AND head.id = sibling.id
                    AND head.is_sibling = 0)
                """)
        if let orphan {
            let (kind, id): (String, String) = (orphan["kind"], orphan["id"])
            throw StoreError.refused("the record \(kind)/\(id) has siblings and no head")
        }
        try SQLiteStore.set(life, database)
        try database.execute(sql: "UPDATE log_life SET is_unfinished = 0")
        return life
    }
}
