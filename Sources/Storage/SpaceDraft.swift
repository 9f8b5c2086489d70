internal import Causality

/// One space's part of a commit: the records as the items so far left them, and what is to be written.
///
/// Stored versions, those up to `before`, are here without their contents (``StoreTransaction/records(_:in:)``); what
/// is drafted is whole. Contents are read for the few versions that are written on or answered with.
struct SpaceDraft {
    let space: Identifier
    let before: Position
    let now: Position
    let transaction: any StoreTransaction
    private var head: Position
    private(set) var records: [RecordName: Record]
    private var added: [Position: LogEntry] = [:]
    private var ended: [Position] = []
    /// Set while an atomic submission is decided.
    private var undo: DraftUndo?
    /// Stored versions that were read for answers, so that none is read twice.
    private var loaded: [Position: LogEntry] = [:]
    /// What all of the commit has read for answers, against ``Journal/storedBytesMax``.
    private(set) var storedBytes: Int

    init(
        space: Identifier, touching submissions: [Submission], now: Position, transaction: any StoreTransaction,
        storedBytes: Int
    ) throws(StoreError) {
        self.space = space
        self.now = now
        self.transaction = transaction
        self.storedBytes = storedBytes
        before = try transaction.lockHead(of: space)
        head = before
        var seen: Set<RecordName> = []
        var names: [RecordName] = []
        for submission in submissions {
            for change in submission.changes where seen.insert(change.name).inserted { names.append(change.name) }
        }
        let stored = try transaction.records(names, in: space)
        records = [:]
        records.reserveCapacity(names.count)
        for (name, record) in zip(names, stored) { records[name] = record }
    }

    /// Decides on a submission that was not answered before.
    mutating func settle(
        _ submission: Submission, policies: [Identifier: ConflictPolicy]
    ) throws(StoreError) -> [ItemResult] {
        guard submission.isAtomic else { return try decideAll(submission, policies: policies) }
        undo = DraftUndo(head: head, endedCount: ended.count)
        var results = try decideAll(submission, policies: policies)
        let isAborted = results.contains { !$0.isSuccess }
        if isAborted { rollBack() }
        undo = nil
        guard isAborted else { return results }
        for (index, change) in submission.changes.enumerated() {
            let record = records[change.name]
            if results[index].isSuccess {
                results[index].decision = .atomicAborted
                results[index].clock = record?.head.change.clock ?? change.clock
            }
            results[index].position = nil
            results[index].stored = try answered(record?.head)
        }
        return results
    }

    /// Writes what survived and tells it; nil when nothing did.
    func append() throws(StoreError) -> CommittedBatch? {
        guard head > before else { return nil }
        let entries = added.values.sorted { $0.position < $1.position }
        try transaction.append(entries, ending: ended, in: space, head: head)
        return CommittedBatch(space: space, after: before, upTo: head, entries: entries)
    }

    private mutating func decideAll(
        _ submission: Submission, policies: [Identifier: ConflictPolicy]
    ) throws(StoreError) -> [ItemResult] {
        var results: [ItemResult] = []
        results.reserveCapacity(submission.changes.count)
        for (index, change) in submission.changes.enumerated() {
            guard index < submission.settlements.count else {
                results.append(try decide(change, of: submission, policies: policies))
                continue
            }
            if let named = try named(change, submission.settlements[index], replica: submission.replica) {
                results.append(try decide(named, of: submission, policies: policies))
            } else {
                results.append(try unknownVersion(change.name))
            }
        }
        return results
    }

    private mutating func decide(
        _ change: Change, of submission: Submission, policies: [Identifier: ConflictPolicy]
    ) throws(StoreError) -> ItemResult {
        let resolver = Resolver(
            policy: policies[change.kind] ?? .manual, isForced: submission.isForced, replica: submission.replica)
        let record = records[change.name]
        let resolution = resolver.resolve(change, against: record)
        let decision = ItemResult.Decision.verdict(resolution.verdict, resolution.reason)
        switch resolution.outcome {
        case .nothing:
            let clock = resolution.verdict == .duplicate ? record?.head.change.clock : nil
            let stored = resolution.verdict == .duplicate ? nil : try answered(record?.head)
            return ItemResult(decision: decision, clock: clock ?? change.clock, position: nil, stored: stored)
        case .siblingLimit:
            return ItemResult(
                decision: .siblingLimit, clock: change.clock, position: nil, stored: try answered(record?.head))
        case .clockLimit:
            return ItemResult(
                decision: .clockLimit, clock: change.clock, position: nil, stored: try answered(record?.head))
        case .head(let written, let endedSiblings):
            let whole = try written.withContent(of: storedContent(resolution.keeps))
            let entry = place(whole, author: submission.author, isSibling: false)
            var siblings = record?.siblings ?? []
            siblings.removeAll { endedSiblings.contains($0.position) }
            for position in endedSiblings { end(position) }
            if let old = record?.head.position { end(old) }
            undo?.note(change.name, record)
            records[change.name] = Record(head: entry, siblings: siblings)
            let stored = resolution.verdict == .accepted ? nil : entry
            return ItemResult(decision: decision, clock: entry.change.clock, position: entry.position, stored: stored)
        case .sibling(let written, let endedSiblings):
            let whole = try written.withContent(of: storedContent(resolution.keeps))
            let entry = place(whole, author: submission.author, isSibling: true)
            undo?.note(change.name, record)
            records[change.name]?.siblings.removeAll { endedSiblings.contains($0.position) }
            records[change.name]?.siblings.append(entry)
            for position in endedSiblings { end(position) }
            return ItemResult(
                decision: decision, clock: written.clock, position: entry.position, stored: try answered(record?.head))
        }
    }

    /// The head as an answer carries it: whole, or nil past ``Journal/storedBytesMax``.
    mutating func answered(_ entry: LogEntry?) throws(StoreError) -> LogEntry? {
        guard let entry, entry.position <= before else { return entry }
        if let whole = loaded[entry.position] { return whole }
        guard storedBytes < Journal.storedBytesMax else { return nil }
        guard let whole = try storedContent(entry.position) else { return nil }
        storedBytes += whole.change.encodedBytesEstimate
        loaded[entry.position] = whole
        return whole
    }

    /// The stored version at `position`; nil where it is a drafted one, which has its content.
    func storedContent(_ position: Position?) throws(StoreError) -> LogEntry? {
        guard let position, position <= before else { return nil }
        if let whole = loaded[position] { return whole }
        guard let whole = try transaction.entry(at: position, in: space) else {
            throw .corrupt("the version at position \(position) is gone inside its transaction")
        }
        return whole
    }

    private mutating func place(_ change: Change, author: Identifier, isSibling: Bool) -> LogEntry {
        head = head.next(now: now)
        var kept = change
        kept.supersedes = []
        let entry = LogEntry(position: head, author: author, change: kept, isSibling: isSibling)
        added[head] = entry
        undo?.placed.append(head)
        return entry
    }

    private mutating func end(_ position: Position) {
        if let entry = added.removeValue(forKey: position) {
            undo?.removed.append(entry)
        } else {
            ended.append(position)
        }
    }

    private mutating func rollBack() {
        guard let undo else { return }
        for (name, record) in undo.records { records[name] = record }
        for entry in undo.removed { added[entry.position] = entry }
        // After the entries that came back: one that the submission placed and removed itself is among both.
        for position in undo.placed { added[position] = nil }
        ended.removeSubrange(undo.endedCount...)
        head = undo.head
    }
}

/// What one atomic submission changed in a draft. A copy of the draft would do the same, at the price of copying what
/// all submissions before it drafted: quadratic for thousands of small atomic pushes in one commit.
private struct DraftUndo {
    let head: Position
    let endedCount: Int
    /// The touched records as they were, nil where there was none.
    var records: [RecordName: Record?] = [:]
    /// Earlier drafted entries that the submission ended.
    var removed: [LogEntry] = []
    var placed: [Position] = []

    mutating func note(_ name: RecordName, _ record: Record?) {
        if records[name] == nil { records.updateValue(record, forKey: name) }
    }
}

extension Change {
    fileprivate func withContent(of entry: LogEntry?) -> Change {
        guard let entry else { return self }
        var whole = self
        whole.body = entry.change.body
        whole.embedding = entry.change.embedding
        return whole
    }
}

extension ItemResult {
    /// Whether the pusher's version is what the hub holds as the head.
    public var isSuccess: Bool {
        switch decision {
        case .verdict(.accepted, _), .verdict(.duplicate, _): true
        case .verdict(.stale, _), .verdict(.conflict, _), .siblingLimit, .clockLimit, .unknownVersion,
            .atomicAborted:
            false
        }
    }
}
