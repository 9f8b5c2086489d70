internal import Causality
internal import Storage

/// One transaction on one connection.
///
/// What the body writes is gathered, and sent with the COMMIT in one pipeline (`PostgresTransaction+Flush.swift`). What
/// it reads was mostly read in ``prepare(_:)``; whatever was not is read when it is asked for.
final class PostgresTransaction: StoreTransaction {
    let connection: PostgresConnection
    let store: PostgresStore
    /// What went wrong with the server or on the way, behind the `StoreError` that the body saw.
    private(set) var failure: PostgresFailure?
    /// Whether the log lives elsewhere than it was written: nothing may be written before it has another generation.
    private(set) var isElsewhere = false
    private(set) var isCommitSent = false
    private(set) var transactionID: Int64 = 0
    private var isBegun = false
    private var life: Life?
    private let lifeCount: Int
    private var clock: Position?
    private var heads: [Identifier: Position] = [:]
    /// What was looked up, in the order in which it was asked for: the journal asks for all of a space at once, and as it
    /// told before.
    private var lookups: [Lookup] = []

    private struct Lookup {
        let space: Identifier
        let names: [RecordName]
        var records: [Record?]
    }

    var changes: [Identifier: SpaceChange] = [:]
    var answers = GatheredAnswers()
    var histories = GatheredHistories()
    var edits: [(space: Identifier, edit: HistoryEdit)] = []

    static let begin: Statement = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
    static let commit: Statement = "COMMIT"
    static let rollback: Statement = "ROLLBACK"
    /// After the locks: a commit is dated when it has its turn.
    static let clockReading: Statement =
        "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8, pg_current_xact_id()::text::int8"
    /// In the order of their names everywhere, so that two commits never wait for each other.
    static let spacesLocked: Statement =
        "SELECT space, head FROM spaces WHERE space = ANY ($1) ORDER BY space FOR UPDATE"
    static let spacesMade: Statement = """
        INSERT INTO spaces (space, head) SELECT space, 0 FROM unnest($1) AS t(space) ORDER BY space
        ON CONFLICT DO NOTHING
        """

    init(_ connection: PostgresConnection, store: PostgresStore) {
        self.connection = connection
        self.store = store
        lifeCount = store.state.withLock { $0.lifeCount }
    }

    func prepare(_ touched: [TouchedRecords]) throws(StoreError) {
        try told { () throws(PostgresFailure) in try load(touched) }
    }

    var time: Position? {
        get throws(StoreError) {
            guard store.configuration.usesServerClock else { return nil }
            if clock == nil { try prepare([]) }
            return clock
        }
    }

    func lockHead(of space: Identifier) throws(StoreError) -> Position {
        if heads[space] == nil { try prepare([TouchedRecords(space: space, names: [])]) }
        return heads[space] ?? .start
    }

    func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Record?] {
        if let known = lookup(names, in: space) { return known }
        try prepare([TouchedRecords(space: space, names: names)])
        return lookup(names, in: space) ?? Array(repeating: nil, count: names.count)
    }

    private func lookup(_ names: [RecordName], in space: Identifier) -> [Record?]? {
        lookups.last { $0.space == space && $0.names == names }?.records
    }

    func liveCount(of space: Identifier) throws(StoreError) -> Int {
        try told { () throws(PostgresFailure) in
            try beginIfNeeded()
            let rows = try connection.run(PostgresStore.spaceStatistics, Parameters(space))
            return try PostgresStore.statistics(rows).recordCount
        }
    }

    func entry(at position: Position, in space: Identifier) throws(StoreError) -> LogEntry? {
        try told { () throws(PostgresFailure) in
            try beginIfNeeded()
            var parameters = Parameters()
            parameters.add(space)
            parameters.add(position)
            let rows = try connection.run(VersionRow.atPosition, parameters)
            return try rows.first.map { (row) throws(PostgresFailure) in
                try VersionRow.entry(row, store.embeddings)
            }
        }
    }

    func append(
        _ added: [LogEntry], ending ended: [Position], in space: Identifier, head: Position
    ) throws(StoreError) {
        _ = try lockHead(of: space)
        changes[space, default: SpaceChange()].note(added, ending: ended, head: head)
        heads[space] = head
    }

    /// What is written with the transaction's end: nothing, or all. False where there was nothing to write.
    func finish() throws(PostgresFailure) -> Bool {
        guard isBegun else { return false }
        guard !changes.isEmpty || !answers.isEmpty || !edits.isEmpty else {
            // Locks were taken, and nothing is to be kept: no sync of the disk.
            _ = try connection.run(PostgresTransaction.rollback)
            return false
        }
        try sendWrites()
        isCommitSent = true
        try connection.send(PostgresTransaction.commit)
        let results = try connection.sync()
        guard results.last?.commandTag == "COMMIT" else {
            throw PostgresFailure(kind: .server(sqlState: "40000"), message: "the transaction was rolled back")
        }
        return true
    }

    func rollBack() {
        guard isBegun, !connection.isBroken, !connection.isIdle else { return }
        // One that fails leaves a connection that is dropped, and the server rolls back by itself.
        _ = try? connection.run(PostgresTransaction.rollback)
    }

    /// The life as of this transaction.
    func currentLife() throws(PostgresFailure) -> Life {
        try beginIfNeeded()
        guard let life else { throw Life.missing }
        return life
    }

    /// Passes a failure on as the body's error, and keeps it for whoever decides on a retry.
    func told<Value>(_ body: () throws(PostgresFailure) -> Value) throws(StoreError) -> Value {
        do throws(PostgresFailure) {
            return try body()
        } catch {
            failure = failure ?? error
            throw StoreError(error)
        }
    }

    func beginIfNeeded() throws(PostgresFailure) {
        if !isBegun { try load([]) }
    }

    /// Begins, locks and reads, in one round trip; in two where a space is new.
    private func load(_ touched: [TouchedRecords]) throws(PostgresFailure) {
        let isFirst = !isBegun
        if isFirst {
            var key = Parameters()
            key.add(store.lockKey)
            isBegun = true
            try connection.send(PostgresTransaction.begin)
            // Shared with all commits: whoever changes a policy or the life waits for them, and they for it.
            try connection.send(Life.sharedLock, key)
            try connection.send(store.life.turn)
        }
        let begun = isFirst ? 3 : 0
        try sendReads(touched)
        let results = try connection.sync()
        guard results.count >= begun else { throw PostgresTransaction.short }
        if isFirst { try read(life: results[2]) }
        try read(Array(results[begun...]), touched)
        let new = touched.filter { heads[$0.space] == nil }
        guard !new.isEmpty else { return }
        var parameters = Parameters()
        parameters.add(ArrayParameter.texts(new.map(\.space)))
        try connection.send(PostgresTransaction.spacesMade, parameters)
        // Another may have made it meanwhile, and written to it.
        try sendReads(new)
        let again = try connection.sync()
        guard again.count >= 1 else { throw PostgresTransaction.short }
        try read(Array(again[1...]), new)
    }

    private static let short = PostgresFailure(kind: .lost, message: "a result is missing.")

    private func read(life rows: Rows) throws(PostgresFailure) {
        guard let found = rows.first.map(Life.init) else { throw Life.missing }
        life = found
        guard !found.isElsewhere else {
            isElsewhere = true
            throw PostgresFailure(kind: .damaged, message: "the log lives elsewhere than it was written")
        }
        guard !found.isUnfinished else { throw PostgresFailure.unfinished }
        store.state.withLock { $0.note(found.generation, seenAt: lifeCount) }
    }

    private func sendReads(_ touched: [TouchedRecords]) throws(PostgresFailure) {
        if !touched.isEmpty {
            var spaces = Parameters()
            spaces.add(ArrayParameter.texts(touched.map(\.space)))
            try connection.send(PostgresTransaction.spacesLocked, spaces)
            let names = VersionRow.names(touched)
            try connection.send(VersionRow.headsByName, names)
            try connection.send(VersionRow.siblingsByName, names)
            try sendAnswerQueries(touched)
        }
        try connection.send(PostgresTransaction.clockReading)
    }

    private func read(_ results: [Rows], _ touched: [TouchedRecords]) throws(PostgresFailure) {
        guard let last = results.last?.first else { throw PostgresTransaction.short }
        (clock, transactionID) = (last.position(0), last.number(1))
        guard !touched.isEmpty else { return }
        guard results.count >= 4 else { throw PostgresTransaction.short }
        for row in results[0] { heads[row.name(0)] = row.position(1) }
        let found = try VersionRow.records(of: touched.flatMap(\.names), heads: results[1], siblings: results[2])
        var start = 0
        for space in touched {
            let end = start + space.names.count
            // A second look at the same names, behind the lock on a space that was new, is the one that counts.
            lookups.append(Lookup(space: space.space, names: space.names, records: Array(found[start..<end])))
            start = end
        }
        try readAnswers(Array(results[3..<(results.count - 1)]), touched)
    }
}

/// What one transaction does to one space's log.
struct SpaceChange {
    var head = Position.start
    var added: [LogEntry] = []
    var ended: [Position] = []

    mutating func note(_ entries: [LogEntry], ending positions: [Position], head newHead: Position) {
        head = newHead
        guard !added.isEmpty, !positions.isEmpty else {
            added += entries
            ended += positions
            return
        }
        // Some may end what this transaction added and nobody else ever saw.
        let gone = Set(positions)
        let own = Set(added.map(\.position))
        added.removeAll { gone.contains($0.position) }
        ended += positions.filter { !own.contains($0) }
        added += entries
    }
}
