internal import Causality
public import Storage

extension PostgresStore {
    /// Chunks are committed without waiting for the disk: the last one, which takes the mark away, waits for all.
    public func fill(_ next: () throws -> KeptItem?) throws {
        do throws(any Error) {
            let connection = try writers.borrow()
            defer { writers.giveBack(connection) }
            do throws(any Error) {
                try Filling.begin(connection, self)
                let filling = Filling(connection, self)
                var life: Generation?
                while life == nil { life = try filling.takeChunk(next) }
                if let life { state.withLock { $0.note(life) } }
            } catch {
                if !connection.isBroken { _ = try? connection.run(PostgresTransaction.rollback) }
                throw error
            }
        } catch let failure as PostgresFailure {
            throw StoreError(failure)
        }
    }
}

/// A store that is being filled, by one connection.
private final class Filling {
    /// Pieces of one transaction, and bytes where they are large: what is lost with a refused one.
    private static let itemsPerChunk = 16_384
    private static let bytesPerChunk = 16 << 20

    private let connection: PostgresConnection
    private let store: PostgresStore
    private var sequence = KeptSequence()
    private let accounts = AccountSlice()
    private let spaces = SpaceSlice()
    private var space: (name: Identifier, statistics: SpaceStatistics)?
    private var entries = VersionSlice()
    private let versions: HistorySlice

    init(_ connection: PostgresConnection, _ store: PostgresStore) {
        self.connection = connection
        self.store = store
        versions = HistorySlice(store.embeddings)
    }

    /// Marks the store, which is to be empty, while nobody commits.
    static func begin(_ connection: PostgresConnection, _ store: PostgresStore) throws {
        var key = Parameters()
        key.add(store.lockKey)
        try connection.send(PostgresTransaction.begin)
        try connection.send(Life.exclusiveLock, key)
        try connection.send(store.life.reading)
        try connection.send(FillingStatements.isEmpty)
        let results = try connection.sync()
        guard results.count == 4, let life = results[2].first.map(Life.init), let isEmpty = results[3].first?.flag(0)
        else { throw Life.missing }
        guard !life.isUnfinished else { throw StoreError.unfinished }
        guard isEmpty else { throw StoreError.notEmpty }
        try connection.send(FillingStatements.marking)
        try connection.send(PostgresTransaction.commit)
        _ = try connection.sync()
    }

    /// - Returns: the life, once there is nothing more to come and all is in its place.
    func takeChunk(_ next: () throws -> KeptItem?) throws -> Generation? {
        try connection.send(PostgresTransaction.begin)
        try connection.send(FillingStatements.withoutWaiting)
        var count = 0
        var bytes = 0
        while count < Filling.itemsPerChunk, bytes < Filling.bytesPerChunk {
            guard let item = try next() else { return try finish() }
            try sequence.take(item)
            bytes += try take(item)
            count += 1
        }
        try sendAll()
        try connection.send(PostgresTransaction.commit)
        try synchronize()
        return nil
    }

    /// - Returns: about how many bytes it has.
    private func take(_ item: KeptItem) throws(PostgresFailure) -> Int {
        switch item {
        case .life: break
        case .policy(let policy, let kind):
            let stored = StoredPolicy(policy)
            var row = Parameters(kind)
            row.add(stored.name)
            row.add(stored.rule)
            try connection.send(PolicyStatements.setting, row)
        case .note(let note, _, _, _):
            _ = accounts.append(item)
            if accounts.isFull { try accounts.send(on: connection) }
            return note.count + EncodedSize.fieldsBytes
        case .user, .key, .device, .team, .member: _ = accounts.append(item)
        case .space(let name, let head):
            try settle()
            space = (name, SpaceStatistics(head: head, recordCount: 0, deletedCount: 0, siblingCount: 0))
        case .entry(let entry, _):
            let bytes = entry.change.body.count + 4 * (entry.change.embedding?.count ?? 0) + EncodedSize.fieldsBytes
            if let space { entries.append(entry, of: space.name) }
            space?.statistics.add(entry)
            if entries.isFull { try sendEntries() }
            return bytes
        case .version(let version, _, let space):
            versions.append(version, in: space)
            if versions.isFull { try sendVersions() }
            return version.change.body.count + EncodedSize.fieldsBytes
        }
        if accounts.isFull { try accounts.send(on: connection) }
        if spaces.isFull { try spaces.send(on: connection) }
        return EncodedSize.fieldsBytes
    }

    private func sendEntries() throws(PostgresFailure) {
        guard !entries.entries.isEmpty else { return }
        let (statement, parameters) = entries.insertion(store.embeddings)
        try connection.send(statement, parameters)
        entries.removeAll()
    }

    private func sendVersions() throws(PostgresFailure) {
        guard versions.count > 0 else { return }
        try connection.send(HistoryStatements.insertion, versions.parameters)
        versions.removeAll()
    }

    /// The space is over: its counts are known.
    private func settle() throws(PostgresFailure) {
        try sendEntries()
        if let space { spaces.append(space.name, space.statistics) }
        space = nil
    }

    private func sendAll() throws(PostgresFailure) {
        try accounts.send(on: connection)
        try sendEntries()
        try sendVersions()
        try spaces.send(on: connection)
    }

    private func finish() throws -> Generation {
        let life = try sequence.finish()
        try settle()
        try sendAll()
        try connection.send(FillingStatements.taken)
        try connection.send(FillingStatements.orphan)
        let results = try synchronize()
        if let taken = results.dropLast().last?.first {
            throw StoreError.refused("the name or id of the team \(taken.text(0)) is a user's")
        }
        if let orphan = results.last?.first {
            throw StoreError.refused("the record \(orphan.text(0))/\(orphan.text(1)) has siblings and no head")
        }
        var key = Parameters()
        key.add(store.lockKey)
        var row = Parameters()
        row.add(Int64(bitPattern: life.value))
        try connection.send(Life.exclusiveLock, key)
        try connection.send(store.life.renewal, row)
        try connection.send(PolicyStatements.revising)
        try connection.send(FillingStatements.unmarking)
        try connection.send(FillingStatements.waiting)
        try connection.send(PostgresTransaction.commit)
        try synchronize()
        return life
    }

    /// Says what a constraint of the tables means.
    @discardableResult
    private func synchronize() throws(PostgresFailure) -> [Rows] {
        do throws(PostgresFailure) {
            return try connection.sync()
        } catch {
            guard error.sqlState?.hasPrefix("23") == true else { throw error }
            var told = error
            for (index, sentence) in FillingStatements.refusals where error.message.contains("\"\(index)\"") {
                told.message = "\(sentence) (\(error.message))"
            }
            throw told
        }
    }
}

private enum FillingStatements {
    static let isEmpty: Statement = """
        SELECT NOT EXISTS (SELECT FROM users) AND NOT EXISTS (SELECT FROM policies)
            AND NOT EXISTS (SELECT FROM spaces WHERE space > '') AND NOT EXISTS (SELECT FROM teams)
        """
    static let marking: Statement = "UPDATE log_state SET is_unfinished = true"
    static let unmarking: Statement = "UPDATE log_state SET is_unfinished = false"
    static let withoutWaiting: Statement = """
        SELECT set_config('synchronous_commit', 'off', true), set_config('statement_timeout', '0', true),
            set_config('idle_in_transaction_session_timeout', '0', true)
        """
    /// As the server's owner has it.
    static let waiting: Statement = """
        SELECT set_config('synchronous_commit', reset_val, true) FROM pg_settings WHERE name = 'synchronous_commit'
        """
    static let taken: Statement = """
        SELECT name FROM teams WHERE name IN (SELECT name FROM users) OR id IN (SELECT id FROM users) LIMIT 1
        """
    static let orphan: Statement = """
        SELECT s.kind, s.id FROM versions s
        WHERE s.is_sibling AND NOT EXISTS (
            SELECT FROM versions h WHERE h.space = s.space AND h.kind = s.kind AND h.id = s.id AND NOT h.is_sibling)
        LIMIT 1
        """
    static let refusals = [
        (index: "heads", sentence: "a record has two heads"),
        (index: "users_name_key", sentence: "a name stands twice"),
        (index: "users_by_email", sentence: "an email stands twice"),
        (index: "teams_pkey", sentence: "a team's id stands twice"),
        (index: "notes_pkey", sentence: "a note stands twice"),
        (index: "users_pkey", sentence: "a user's id stands twice"),
        (index: "keys_pkey", sentence: "a key's prefix stands twice"),
        (index: "devices_pkey", sentence: "a device stands twice"),
        (index: "members_user_id_fkey", sentence: "a member is no user"),
    ]
}
