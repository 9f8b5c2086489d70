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
            let kept = try life(of: caller, desk)
            let isKnown = query.isFirst || isOfThisLife(query.since, kept, generation)
            var mode = query.isFirst ? PullMode.first : isKnown ? .incremental : .replacement
            var (text, head) = try read(query, mode, caller, desk)
            if mode == .incremental, query.since > SyncTimestamp.told(head) {
                // It has seen more than the log holds: it was there before a restore.
                mode = .replacement
                (text, head) = try read(query, mode, caller, desk)
            }
            try keep(kept, generation, SyncTimestamp.told(head), isKnown: mode != .replacement, caller, desk)
            var tail = Array(",\"timestamp\":".utf8)
            tail.putInteger(SyncTimestamp.told(head).microseconds)
            if mode == .replacement { tail.put(",\"experimentalStrategy\":\"replacement\"") }
            tail.put("}")
            return DialectAnswer(json: try text.finish(tail))
        } catch let problem as SyncProblem {
            return problem.answer
        }
    }

    /// One cut of the log: what the device is to have of it, and the log's head.
    private static func read(
        _ query: PullQuery, _ mode: PullMode, _ caller: SyncCaller, _ desk: DialectDesk
    ) throws -> (ChangesText, Position) {
        var text = ChangesText { desk.bodyWriter() }
        // A replacement is of the tables that it names: what is left of one without rows must go too.
        if mode == .replacement {
            for table in query.tables where !query.excluded.contains(table) { try text.name(table) }
        }
        // With a migration all is looked at: in one cut, and migrations are rare.
        let isWhole = mode != .incremental || query.migration != nil
        let page = PageQuery(
            space: caller.account.user.space, after: isWhole ? .start : query.since, kinds: query.tables,
            namespaces: [namespace])
        let head = try desk.store.scan(page) { entries in
            for entry in entries where !entry.isSibling && !query.excluded.contains(entry.change.kind) {
                try add(entry, query, mode, caller, to: &text)
            }
        }
        return (text, head)
    }

    private static func add(
        _ entry: LogEntry, _ query: PullQuery, _ mode: PullMode, _ caller: SyncCaller, to text: inout ChangesText
    ) throws {
        let change = entry.change
        // Other protocols' ids may be more than the client's queries bear.
        guard RowText.isID(change.id.text) else { return }
        guard !change.isDeleted else {
            switch mode {
            case .first: return
            case .replacement: return try text.name(change.kind)
            case .incremental:
                guard entry.position > query.since else { return }
                return try text.add(to: .deleted, of: change.kind) { $0.putString(change.id.text) }
            }
        }
        let list: ChangesText.List
        switch mode {
        case .first: list = query.sendsCreatedAsUpdated ? .updated : .created
        case .replacement: list = .updated
        case .incremental:
            guard entry.position > query.since else {
                guard query.migration?.asksFor(change) == true else { return }
                list = .updated
                break
            }
            // Under `created` a row that the device has deleted meanwhile comes back: only what it cannot have had.
            let isNew = entry.reason == .firstVersion && !caller.mayHaveWritten(entry.author)
            list = isNew && !query.sendsCreatedAsUpdated ? .created : .updated
        }
        try text.add(to: list, of: change.kind) { RowText.put(change, into: &$0) }
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

/// Which life of the log a device pulls from.
extension WatermelonDBDialect {
    static func life(of caller: SyncCaller, _ desk: DialectDesk) throws -> LogLife? {
        try desk.store.accounts.note(LogLife.noteName, device: caller.device.id, of: caller.account.user.id)
            .flatMap { LogLife(note: $0) }
    }

    /// Whether a timestamp, not beyond the log's head, is of this life. Of a device without a note it is taken to be.
    static func isOfThisLife(_ timestamp: Position, _ kept: LogLife?, _ generation: Generation) -> Bool {
        guard let kept else { return true }
        return kept.generation == generation && kept.holds(timestamp)
    }

    /// - Parameter told: the timestamp of the answer.
    private static func keep(
        _ kept: LogLife?, _ generation: Generation, _ told: Position, isKnown: Bool, _ caller: SyncCaller,
        _ desk: DialectDesk
    ) throws {
        let life: LogLife
        if isKnown, kept == nil || kept?.generation == generation {
            guard kept == nil else { return }
            life = LogLife(generation)
        } else {
            // Whose answer was lost comes again with a timestamp of before, and is told by the note.
            guard kept?.generation != generation || kept?.isRenewed == false else { return }
            life = LogLife(generation, renewedAt: told, now: desk.now)
        }
        try desk.store.accounts.keepNote(
            life.note, LogLife.noteName, device: caller.device.id, of: caller.account.user.id)
    }
}
