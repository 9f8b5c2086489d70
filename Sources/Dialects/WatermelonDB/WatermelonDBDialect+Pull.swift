internal import Causality
internal import Hub
internal import Storage
internal import Wire

extension WatermelonDBDialect {
    static let namespace: Identifier = "watermelondb"

    /// How an answer stands to what the device has.
    enum PullMode {
        case first
        case incremental
        /// In place of everything the device has: its timestamp says nothing of this log.
        case replacement
    }

    static func pull(_ request: DialectRequest, _ desk: DialectDesk) throws -> DialectAnswer {
        do {
            let query = try PullQuery(request)
            let caller = try SyncCaller(request, desk)
            // First: what is read behind it may be of a later life, and then the next pull finds that out.
            let generation = desk.store.generation
            let note = try SyncNote.read(of: caller, desk)
            let head = try desk.store.head(of: caller.account.user.space)
            // Beyond the head: it was there before a restore.
            let isKnown =
                query.isFirst
                || (query.since <= SyncTimestamp.told(head) && isOfThisLife(query.since, note.life, generation))
            let mode = query.isFirst ? PullMode.first : isKnown ? .incremental : .replacement
            let isIdle = mode == .incremental && query.since >= head && query.migration == nil
            var text = ChangesText { desk.bodyWriter() }
            var told = SyncTimestamp.told(head)
            if !isIdle || note.missed(before: query.since) != nil {
                told = SyncTimestamp.told(try read(query, mode, note, caller, desk, into: &text))
            }
            var next = note
            next.enter(generation, told: told, isKnown: isKnown, now: desk.now)
            if caller.isNamed { next.record(query, mode, told: told, hasCreated: text.hasCreated) }
            if next != note { try next.keep(of: caller, desk) }
            var tail = Array(",\"timestamp\":".utf8)
            tail.putInteger(told.microseconds)
            if mode == .replacement { tail.put(",\"experimentalStrategy\":\"replacement\"") }
            tail.put("}")
            return DialectAnswer(json: try text.finish(tail))
        } catch let problem as SyncProblem {
            return problem.answer
        }
    }

    /// One cut of the log: what the device is to have of it.
    ///
    /// - Returns: the log's head.
    private static func read(
        _ query: PullQuery, _ mode: PullMode, _ note: SyncNote, _ caller: SyncCaller, _ desk: DialectDesk,
        into text: inout ChangesText
    ) throws -> Position {
        // A replacement is of the tables that it names: what is left of one without rows must go too.
        if mode == .replacement {
            for table in query.tables where !query.excluded.contains(table) { try text.name(table) }
        }
        // With a migration all is looked at: in one cut, and migrations are rare.
        let isWhole = mode != .incremental || query.migration != nil
        let deletedAfter = note.missed(before: query.since) ?? query.since
        let page = PageQuery(
            space: caller.account.user.space, after: isWhole ? .start : deletedAfter, kinds: query.tables,
            namespaces: [namespace])
        return try desk.store.scan(page) { entries in
            for entry in entries where !entry.isSibling && !query.excluded.contains(entry.change.kind) {
                // Other protocols' ids may be more than the client's queries bear.
                guard RowText.isID(entry.change.id.text) else { continue }
                if entry.change.isDeleted {
                    try addDeletion(entry, mode, after: deletedAfter, to: &text)
                } else if let list = list(of: entry, query, mode, note, caller) {
                    try text.add(to: list, of: entry.change.kind) { RowText.put(entry.change, into: &$0) }
                }
            }
        }
    }

    private static func addDeletion(
        _ entry: LogEntry, _ mode: PullMode, after: Position, to text: inout ChangesText
    ) throws {
        switch mode {
        case .first: return
        case .replacement: try text.name(entry.change.kind)
        case .incremental:
            guard entry.position > after else { return }
            try text.add(to: .deleted, of: entry.change.kind) { $0.putString(entry.change.id.text) }
        }
    }

    /// Where a live row stands; nil where the device has it.
    private static func list(
        of entry: LogEntry, _ query: PullQuery, _ mode: PullMode, _ note: SyncNote, _ caller: SyncCaller
    ) -> ChangesText.List? {
        switch mode {
        case .first: return query.sendsCreatedAsUpdated ? .updated : .created
        case .replacement: return .updated
        case .incremental:
            guard entry.position > query.since else {
                return query.migration?.asksFor(entry.change) == true ? .updated : nil
            }
            // Under `created` a row that the device has deleted meanwhile comes back: only what it cannot have had.
            let isNew =
                entry.reason == .firstVersion && !caller.mayHaveWritten(entry.author)
                && entry.position > note.createdUpTo
            return isNew && !query.sendsCreatedAsUpdated ? .created : .updated
        }
    }
}

extension PullMigration {
    /// Whether the device's new tables or columns lack what the row has.
    func asksFor(_ change: Change) -> Bool {
        if tables.contains(change.kind) { return true }
        guard let names = columns[change.kind] else { return false }
        return RowText.hasValue(change, in: names)
    }
}

extension WatermelonDBDialect {
    /// Whether a timestamp, not beyond the log's head, is of this life. Of a device without a note it is taken to be.
    static func isOfThisLife(_ timestamp: Position, _ kept: LogLife?, _ generation: Generation) -> Bool {
        guard let kept else { return true }
        return kept.generation == generation && kept.holds(timestamp)
    }
}
