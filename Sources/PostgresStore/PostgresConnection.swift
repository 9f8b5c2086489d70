internal import CPostgres
internal import Glibc

/// One connection to Postgres, owned: closed when the last reference goes. Used by one thread at a time.
///
/// It is always in pipeline mode: ``send(_:_:)`` queues statements, ``sync()`` sends what is left, and reads the result
/// of each. One round trip however many there are:
///
///     try connection.send(Statements.begin)
///     try connection.send(Statements.head, parameters)
///     let results = try connection.sync()     // results[1] holds the heads
///     let rows = try connection.run(Statements.head, parameters)   // one alone
///
/// - Parameters and results are binary: ``Parameters``, ``ArrayParameter`` (for `unnest($1::text[], ...)`), ``Rows``.
/// - A statement is prepared on its first use and known by its text; its parameters have the same types every time.
/// - After a failure of the server (``PostgresFailure/Kind/server(sqlState:)``) the rest of the pipeline was passed
///   over, the connection is fit for use, and an open transaction waits for its ROLLBACK. After any other failure
///   ``isBroken`` is set, and nothing can be done but to drop it.
/// - Without a BEGIN, what is between two syncs is one transaction, READ COMMITTED: each statement sees what was
///   committed before it. For one cut over several, begin with `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`.
/// - Every wait on the network is bounded by ``silenceMilliseconds``; on the server a statement is by its
///   `statement_timeout`, a lock by `lock_timeout`, a transaction that waits for us by
///   `idle_in_transaction_session_timeout`.
/// - Sending never deadlocks: while the server does not read, what it writes is read.
/// - ``execute(script:)`` runs several statements of plain text without parameters, outside the pipeline.
/// - ``notifications()`` and ``descriptor`` are for whoever listens.
final class PostgresConnection {
    /// Parameters that are queued before they are put on the way: libpq keeps a copy until then.
    private static let queuedBytesMax = 64 << 10

    let connection: OpaquePointer
    private(set) var isBroken = false
    /// Longest silence of the server while it owes an answer: the bound of a statement, and some for the way.
    let silenceMilliseconds: Int32
    let openedAt = MonotonicTime.now
    private var names: [String: String] = [:]
    private var preparedCount = 0
    private var expected: [Expected] = []
    private var queuedBytes = 0

    private enum Expected {
        case preparation(sql: String)
        case result
    }

    /// Connects, and sets the session's bounds. Blocks for ``ConnectionSettings/connectSeconds`` an address at most.
    init(_ settings: ConnectionSettings) throws(PostgresFailure) {
        guard let connection = settings.connect() else {
            throw PostgresFailure(kind: .unreachable, message: "there is no memory for a connection.")
        }
        self.connection = connection
        silenceMilliseconds = Int32(clamping: (settings.statementSeconds + 5) * 1_000)
        guard PQstatus(connection) == CONNECTION_OK else {
            throw PostgresConnection.refusal(connection)
        }
        // Notices are for people at a terminal; libpq would print them on ours.
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        let encoding = PQparameterStatus(connection, "server_encoding").map { String(cString: $0) } ?? "unknown"
        guard encoding == "UTF8" else {
            throw PostgresFailure(
                kind: .server(sqlState: "3D000"),
                message: "the database's encoding is \(encoding), and has to be UTF8: create it with ENCODING 'UTF8'")
        }
        guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
            throw PostgresFailure(kind: .unreachable, message: ended(lastMessage))
        }
        var bounds = Parameters()
        bounds.add(String(settings.statementSeconds * 1_000))
        bounds.add(String(settings.lockSeconds * 1_000))
        _ = try run(PostgresConnection.session, bounds)
    }

    deinit { PQfinish(connection) }

    /// A session's bounds. What is acknowledged outlives a crash: a server or a role that is set to commits that do not
    /// wait for the disk is told otherwise; every other choice is the administrator's. The planner's settings: each of our statements goes along an index, few rows at a time. What
    /// a plan costs in a table that was empty when it was made, or has no statistics yet, must not matter; and compiling
    /// a statement (jit), which it would do for the price of a sequential scan that is switched off, takes longer than
    /// running it.
    private static let session = Statement(
        """
        SELECT set_config('statement_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $1, false),
            set_config('lock_timeout', $2, false), set_config('jit', 'off', false),
            set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
            set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
            set_config('default_transaction_isolation', 'read committed', false),
            set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), false)
        """, isPrepared: false)

    /// Queues a statement. What it gives comes from the next ``sync()``.
    func send(_ statement: Statement, _ parameters: Parameters = Parameters()) throws(PostgresFailure) {
        guard !isBroken else { throw lost("the connection was lost before") }
        let sent =
            if statement.isPrepared {
                try sendPrepared(statement, parameters)
            } else {
                parameters.withValues { count, values, lengths, formats in
                    PQsendQueryParams(connection, statement.sql, count, parameters.types, values, lengths, formats, 1)
                }
            }
        guard sent == 1 else { throw lost(lastMessage) }
        expected.append(.result)
        queuedBytes += parameters.byteCount
        if queuedBytes > PostgresConnection.queuedBytesMax { try flush() }
    }

    /// Puts what is queued on the way without asking for its results: the server works while we do something else.
    func flushQueued() throws(PostgresFailure) {
        guard !isBroken else { throw lost("the connection was lost before") }
        guard PQsendFlushRequest(connection) == 1 else { throw lost(lastMessage) }
        try flush()
    }

    /// Sends what is left and returns a result for each statement since the last sync, in their order.
    func sync() throws(PostgresFailure) -> [Rows] {
        guard !isBroken else { throw lost("the connection was lost before") }
        guard PQpipelineSync(connection) == 1 else { throw lost(lastMessage) }
        try flush()
        var results: [Rows] = []
        results.reserveCapacity(expected.count)
        var failure: PostgresFailure?
        let expected = self.expected
        self.expected = []
        for item in expected {
            let outcome = try outcomeOfNext()
            switch (item, outcome) {
            case (.result, .success(let rows)): if let rows { results.append(rows) }
            case (.preparation, .success): break
            case (.preparation(let sql), .failure(let refusal)):
                names[sql] = nil
                failure = failure ?? refusal
            case (.result, .failure(let refusal)): failure = failure ?? refusal
            }
        }
        try endOfPipeline()
        if let failure {
            // What was prepared is gone, or gives other columns than it did: it is prepared anew, under other names.
            if PostgresFailure.staleStates.contains(failure.sqlState ?? "") { names = [:] }
            throw failure
        }
        guard results.count == expected.count(where: { if case .result = $0 { true } else { false } }) else {
            throw lost("the pipeline ended before its time")
        }
        return results
    }

    /// One statement alone.
    func run(_ statement: Statement, _ parameters: Parameters = Parameters()) throws(PostgresFailure) -> Rows {
        try send(statement, parameters)
        guard let rows = try sync().last else { throw lost("a statement had no result") }
        return rows
    }

    /// Runs statements of plain text, one after the other, as one transaction unless they begin their own. Nothing is
    /// to be queued.
    func execute(script: String) throws(PostgresFailure) {
        guard !isBroken, expected.isEmpty else { throw lost("a script in the middle of a pipeline") }
        guard PQexitPipelineMode(connection) == 1, PQsendQuery(connection, script) == 1 else { throw lost(lastMessage) }
        try flush()
        var failure: PostgresFailure?
        while let result = try nextResult() {
            defer { PQclear(result) }
            if let refusal = try refusal(in: result) { failure = failure ?? refusal }
        }
        guard PQenterPipelineMode(connection) == 1 else { throw lost(lastMessage) }
        if let failure { throw failure }
    }

    /// Whether a transaction is open, or something is under way: not to be given to the next one.
    var isIdle: Bool { !isBroken && expected.isEmpty && PQtransactionStatus(connection) == PQTRANS_IDLE }

    /// Whether the server has hung up meanwhile, without asking it. What an idle connection has to read is mostly that:
    /// last words, and the end of the stream behind them.
    func hasEnded() -> Bool {
        for _ in 0..<4 {
            var entry = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 0) != 0 else { return false }
            guard PQconsumeInput(connection) == 1 else { break }
        }
        isBroken = true
        return true
    }

    /// The socket, to wait for what others notify us of.
    var descriptor: CInt { PQsocket(connection) }

    /// What was notified since the last call, once ``descriptor`` is readable.
    func notifications() throws(PostgresFailure) -> [(channel: String, payload: String)] {
        guard !isBroken else { throw lost("the connection was lost before") }
        guard PQconsumeInput(connection) == 1 else { throw lost(lastMessage) }
        var found: [(channel: String, payload: String)] = []
        while let notification = PQnotifies(connection) {
            found.append(
                (
                    channel: String(cString: notification.pointee.relname),
                    payload: String(cString: notification.pointee.extra)
                ))
            PQfreemem(notification)
        }
        if PQstatus(connection) != CONNECTION_OK { throw lost(lastMessage) }
        return found
    }

    private func sendPrepared(_ statement: Statement, _ parameters: Parameters) throws(PostgresFailure) -> Int32 {
        let name: String
        if let known = names[statement.sql] {
            name = known
        } else {
            name = "c\(preparedCount)"
            preparedCount += 1
            let count = Int32(clamping: parameters.types.count)
            guard PQsendPrepare(connection, name, statement.sql, count, parameters.types) == 1 else {
                throw lost(lastMessage)
            }
            names[statement.sql] = name
            expected.append(.preparation(sql: statement.sql))
        }
        return parameters.withValues { count, values, lengths, formats in
            PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1)
        }
    }
}

// Waiting. Each wait is bounded, and what comes is read also while we write.
extension PostgresConnection {
    private func flush() throws(PostgresFailure) {
        queuedBytes = 0
        while true {
            switch PQflush(connection) {
            case 0: return
            case 1:
                let ready = try wait(for: Int16(POLLIN | POLLOUT))
                if ready & Int16(POLLIN) != 0, PQconsumeInput(connection) != 1 { throw lost(lastMessage) }
            default: throw lost(lastMessage)
            }
        }
    }

    private func nextResult() throws(PostgresFailure) -> OpaquePointer? {
        while PQisBusy(connection) == 1 {
            _ = try wait(for: Int16(POLLIN))
            guard PQconsumeInput(connection) == 1 else { throw lost(lastMessage) }
        }
        return PQgetResult(connection)
    }

    /// The result of the next statement of the pipeline: nil inside a success for one that was passed over.
    private func outcomeOfNext() throws(PostgresFailure) -> Result<Rows?, PostgresFailure> {
        var outcome: Result<Rows?, PostgresFailure> = .success(nil)
        while let result = try nextResult() {
            // Owned before anything may throw.
            let rows = Rows(result)
            if let refusal = try refusal(in: result) {
                outcome = .failure(refusal)
            } else if PQresultStatus(result) == PGRES_PIPELINE_ABORTED {
                outcome = .failure(PostgresFailure(kind: .damaged, message: "a statement was passed over"))
            } else {
                outcome = .success(rows)
            }
            withExtendedLifetime(rows) {}
        }
        return outcome
    }

    private func endOfPipeline() throws(PostgresFailure) {
        while let result = try nextResult() {
            defer { PQclear(result) }
            if PQresultStatus(result) == PGRES_PIPELINE_SYNC { return }
            if try refusal(in: result) != nil { continue }
            throw lost("the pipeline gave more than was asked")
        }
        throw lost("the pipeline did not end")
    }

    /// The server's error in a result; throws where the connection went with it.
    private func refusal(in result: OpaquePointer) throws(PostgresFailure) -> PostgresFailure? {
        switch PQresultStatus(result) {
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR: break
        default: return nil
        }
        let message = PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
        guard let field = PQresultErrorField(result, 67) else { throw lost(message) }
        let state = String(cString: field)
        // Said as the last words of a backend that is told to end.
        if state.hasPrefix("57P0") || PQstatus(connection) != CONNECTION_OK { throw lost(message) }
        let primary = PQresultErrorField(result, 77).map { String(cString: $0) } ?? message
        // Which value stands twice is in the detail alone.
        let detail = state == "23505" ? PQresultErrorField(result, 68).map { String(cString: $0) } : nil
        return PostgresFailure(
            kind: .server(sqlState: state), message: tidy(detail.map { "\(primary): \($0)" } ?? primary))
    }

    private func wait(for events: Int16) throws(PostgresFailure) -> Int16 {
        let end = MonotonicTime.now + Int64(silenceMilliseconds) * 1_000_000
        while true {
            let left = (end - MonotonicTime.now) / 1_000_000
            guard left > 0 else { throw lost("the server said nothing for \(silenceMilliseconds / 1_000) seconds") }
            var entry = pollfd(fd: PQsocket(connection), events: events, revents: 0)
            let count = poll(&entry, 1, Int32(clamping: left))
            if count > 0 { return entry.revents }
            if count < 0, errno != EINTR { throw lost("poll failed: \(errno)") }
        }
    }

    private func lost(_ message: String) -> PostgresFailure {
        isBroken = true
        return PostgresFailure(kind: .lost, message: ended(message))
    }

    private var lastMessage: String { PQerrorMessage(connection).map { String(cString: $0) } ?? "no message" }

    /// Why the server let us not in. libpq keeps no SQLSTATE of it: the sentences are the server's and libpq's own.
    private static func refusal(_ connection: OpaquePointer) -> PostgresFailure {
        let message = PQerrorMessage(connection).map { String(cString: $0) } ?? "no message"
        let states: [(String, String)] = [
            ("too many clients", "53300"), ("remaining connection slots", "53300"), ("too many connections", "53300"),
            ("the database system is", "57P03"), ("password", "28P01"), ("authentication failed", "28000"),
            ("no pg_hba.conf entry", "28000"), ("pg_hba.conf rejects", "28000"), ("does not support SSL", "28000"),
            ("SSL error", "28000"), ("certificate", "28000"), ("does not exist", "3D000"),
            ("invalid sslmode", "28000"), ("is not permitted to log in", "28000"), ("permission denied for", "42501"),
        ]
        let said = tidy(message)
        guard let state = states.first(where: { message.contains($0.0) })?.1 else {
            return PostgresFailure(kind: .unreachable, message: ended(said))
        }
        return PostgresFailure(kind: .server(sqlState: state), message: said)
    }
}
