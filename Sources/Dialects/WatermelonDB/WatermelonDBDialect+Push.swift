internal import Causality
internal import Cryptography
internal import Hub
internal import Storage
internal import Wire

extension WatermelonDBDialect {
    /// Times that a push is tried again without the rows that there is no room for: another device may have filled
    /// what was left meanwhile.
    private static let attemptsMax = 3

    static func push(_ request: DialectRequest, _ desk: DialectDesk) throws -> DialectAnswer {
        do {
            let caller = try SyncCaller(request, desk)
            let body = try request.body.whole(bytesMax: PushedRows.bodyBytesMax)
            let pushed = try PushReader.read(body)
            let since = try timestamp(of: pushed, request)
            try check(since, caller, desk)
            return try write(pushed, since, caller, desk, bytes: body.count)
        } catch let problem as SyncProblem {
            return problem.answer
        }
    }

    private static func timestamp(of pushed: PushedRows, _ request: DialectRequest) throws -> Position {
        if let since = pushed.lastPulledAt { return since }
        guard let text = try request.query("last_pulled_at") else {
            throw SyncProblem.badField(
                "last_pulled_at is missing; nothing was applied. Send it in the query, with the changes as the body, or "
                    + "in the body: {\"changes\": .., \"last_pulled_at\": ..}.")
        }
        return try SyncTimestamp.read(text)
    }

    /// A push that builds on another life of the log is no push of this one: the client pulls first, and then has it.
    private static func check(_ since: Position, _ caller: SyncCaller, _ desk: DialectDesk) throws {
        let generation = desk.store.generation
        let head = try desk.store.head(of: caller.account.user.space)
        guard since <= SyncTimestamp.told(head),
            isOfThisLife(since, try SyncNote.read(of: caller, desk).life, generation) || since == .start
        else {
            throw SyncProblem(
                409, ErrorCode.resync.rawValue,
                "The hub's log began anew since last_pulled_at; nothing was applied. Call synchronize() again: it pulls "
                    + "first.")
        }
    }

    private static func write(
        _ pushed: PushedRows, _ since: Position, _ caller: SyncCaller, _ desk: DialectDesk, bytes: Int
    ) throws -> DialectAnswer {
        // Deletions first: they make room.
        var rows = pushed.rows.filter { $0.intent == .delete } + pushed.rows.filter { $0.intent != .delete }
        var rejected: [PushedRows.Row] = []
        for _ in 0..<attemptsMax {
            guard !rows.isEmpty else { return accepted(rejected) }
            let submission = submission(of: rows, pushed.bodies, since, caller, now: desk.now)
            let results = try desk.commit(submission, bytes: bytes)
            guard results.contains(where: { !$0.isSuccess }) else { return accepted(rejected) }
            let refused = zip(rows, results).filter { !$1.isSuccess && $1.decision != .atomicAborted }
            if let problem = SyncProblem(refused) { throw problem }
            // The client keeps such rows and pushes them again; the others would wait for them for ever.
            rejected += refused.map(\.0)
            rows = zip(rows, results).filter { !isRefusedAlone($1) }.map(\.0)
        }
        throw SyncProblem(code: .overloaded)
    }

    private static func submission(
        of rows: [PushedRows.Row], _ bodies: [UInt8], _ since: Position, _ caller: SyncCaller, now: Position
    ) -> Submission {
        let empty = hash([])
        let changes = rows.map { row in
            let body = bodies[row.body]
            return Change(
                kind: row.table, id: row.id, namespace: namespace, clock: VectorClock(),
                hash: row.intent == .delete ? empty : hash(body), body: body, isDeleted: row.intent == .delete,
                updatedAt: now.microseconds)
        }
        return Submission(
            space: caller.account.user.space, author: caller.device.id, replica: replica(of: caller),
            changes: changes, isAtomic: true, user: caller.account.user.id,
            recordsMax: caller.account.user.tier.recordsMax,
            basis: .seen(upTo: since), expectations: rows.map { expectation(of: $0, since, caller) })
    }

    /// The device's name in the clocks that the hub counts. Another one than its own: a native client of the same
    /// device counts that itself.
    private static func replica(of caller: SyncCaller) -> Identifier {
        Identifier(unchecked: "\(caller.device.replica).\(namespace)")
    }

    private static func expectation(
        of row: PushedRows.Row, _ since: Position, _ caller: SyncCaller
    ) -> Expectation {
        guard caller.isNamed else { return .unmoved(since: since, notDeleted: row.intent == .update) }
        return row.intent == .update ? .notDeleted : .nothing
    }

    private static func hash(_ body: ArraySlice<UInt8>) -> Identifier {
        Identifier(unchecked: Digest.hex(Digest.sha256(body)))
    }

    static func isRefusedAlone(_ result: ItemResult) -> Bool {
        result.decision == .recordLimit || result.decision == .forbidden
    }

    private static func accepted(_ rejected: [PushedRows.Row]) -> DialectAnswer {
        var out = Array("{\"ok\":true".utf8)
        if !rejected.isEmpty {
            out.put(",\"experimentalRejectedIds\":")
            out.putIDs(byTable(rejected))
        }
        out.put("}")
        return DialectAnswer(json: out)
    }

    static func byTable(_ rows: [PushedRows.Row]) -> [(table: Identifier, ids: [Identifier])] {
        Dictionary(grouping: rows) { $0.table }.sorted { $0.key < $1.key }.map { ($0, $1.map(\.id)) }
    }
}

extension SyncProblem {
    /// Why nothing of a push was written; nil where its other rows can be.
    fileprivate init?(_ refused: [(PushedRows.Row, ItemResult)]) {
        let refused = refused.filter { !WatermelonDBDialect.isRefusedAlone($1) }
        guard !refused.isEmpty else { return nil }
        if refused.contains(where: { $1.decision == .overloaded }) {
            self.init(code: .overloaded)
            retryAfterMs = 1_000
            return
        }
        self.init(
            409, "conflict",
            "Rows of this push were changed or deleted on the hub since last_pulled_at; nothing was applied. Call "
                + "synchronize() again: it pulls them, resolves, and pushes.")
        conflicts = WatermelonDBDialect.byTable(refused.map(\.0))
    }
}
