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
    let contentHash: Journal.ContentHash?
    private var head: Position
    private(set) var records: [RecordName: Record]
    /// Of the touched records whose kind is merged.
    var histories: [RecordName: DraftHistory] = [:]
    var mergeWork = MergeWork()
    /// The space's share of ``Journal/mergeWorkMax``.
    let mergeWorkMax: Int
    private var added: [Position: LogEntry] = [:]
    private var ended: [Position] = []
    /// Set while an atomic submission is decided.
    private var undo: DraftUndo?
    /// Stored versions that were read for answers, so that none is read twice.
    private var loaded: [Position: LogEntry] = [:]
    /// What all of the commit has read for answers, against ``Journal/storedBytesMax``.
    private(set) var storedBytes: Int
    /// Live records before the commit, once somebody asked, and how many more the draft has made.
    private var liveBefore: Int?
    private var liveChange = 0

    init(
        space: Identifier, touching names: [RecordName], now: Position, transaction: any StoreTransaction,
        storedBytes: Int, mergeWorkMax: Int, contentHash: Journal.ContentHash?
    ) throws(StoreError) {
        self.space = space
        self.mergeWorkMax = mergeWorkMax
        self.contentHash = contentHash
        self.now = now
        self.transaction = transaction
        self.storedBytes = storedBytes
        before = try transaction.lockHead(of: space)
        head = before
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
        undo = DraftUndo(head: head, endedCount: ended.count, liveChange: liveChange)
        var results = try decideAll(submission, policies: policies)
        let isAborted = results.contains { !$0.isSuccess }
        if isAborted { rollBack() }
        undo = nil
        guard isAborted else { return results }
        for (index, change) in submission.changes.enumerated() where results[index].decision != .forbidden {
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
        let edits = histories.compactMap { $1.edit(of: $0) }
        guard head > before else {
            // A version that came late is no change of the log, but may be what another is merged against.
            if !edits.isEmpty { try transaction.revise(edits, in: space) }
            return nil
        }
        let entries = added.values.sorted { $0.position < $1.position }
        try transaction.append(entries, ending: ended, in: space, head: head)
        if !edits.isEmpty { try transaction.revise(edits, in: space) }
        return CommittedBatch(space: space, after: before, upTo: head, entries: entries)
    }

    private mutating func decideAll(
        _ submission: Submission, policies: [Identifier: ConflictPolicy]
    ) throws(StoreError) -> [ItemResult] {
        var results: [ItemResult] = []
        results.reserveCapacity(submission.changes.count)
        for (index, change) in submission.changes.enumerated() {
            results.append(try decide(change, at: index, of: submission, policies: policies))
        }
        return results
    }

    private mutating func decide(
        _ change: Change, at index: Int, of submission: Submission, policies: [Identifier: ConflictPolicy]
    ) throws(StoreError) -> ItemResult {
        guard mayWrite(change.name, submission) else { return SpaceDraft.forbidden(change) }
        if let result = try unexpected(change, at: index, of: submission) { return result }
        var change = change
        if index < submission.settlements.count {
            guard let named = try named(change, submission.settlements[index], replica: submission.replica) else {
                return try unknownVersion(change.name)
            }
            change = named
        } else if submission.basis != .given {
            switch based(change, of: submission) {
            case .settled(let result): return result
            case .change(let based): change = based
            }
        }
        let record = records[change.name]
        change = attributed(change, over: record, submission)
        let policy = policies.isEmpty ? .manual : policies[change.kind] ?? .manual
        if case .merge(let rule) = policy { return try merge(change, of: submission, by: rule) }
        let resolver = Resolver(policy: policy, isForced: submission.isForced, replica: submission.replica)
        return try write(resolver.resolve(change, against: record), of: change, submission, over: record)
    }

    mutating func write(
        _ resolution: Resolution, of change: Change, _ submission: Submission, over record: Record?
    ) throws(StoreError) -> ItemResult {
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
            guard try hasRoom(for: written, over: record, submission) else { return SpaceDraft.recordLimit(change) }
            let whole = try written.withContent(of: storedContent(resolution.keeps))
            let wish = resolution.verdict == .accepted ? change.visibility : nil
            let access = access(wish, over: record, submission)
            let entry = place(
                whole, author: submission.author, isSibling: false, resolution.reason, resolution.detail, access)
            var siblings = record?.siblings ?? []
            siblings.removeAll { endedSiblings.contains($0.position) }
            for position in endedSiblings { end(position) }
            if let old = record?.head.position { end(old) }
            undo?.note(change.name, record)
            try share(&siblings, access)
            set(Record(head: entry, siblings: siblings), of: change.name, over: record)
            let stored = resolution.verdict == .accepted ? nil : entry
            return ItemResult(decision: decision, clock: entry.change.clock, position: entry.position, stored: stored)
        case .sibling(let written, let endedSiblings):
            let whole = try written.withContent(of: storedContent(resolution.keeps))
            let entry = place(
                whole, author: submission.author, isSibling: true, resolution.reason, resolution.detail,
                access(nil, over: record, submission))
            undo?.note(change.name, record)
            records[change.name]?.siblings.removeAll { endedSiblings.contains($0.position) }
            records[change.name]?.siblings.append(entry)
            for position in endedSiblings { end(position) }
            return ItemResult(
                decision: decision, clock: written.clock, position: entry.position, stored: try answered(record?.head))
        }
    }

    /// Writes what a merge decided.
    mutating func write(
        _ merged: MergeResolution, of change: Change, _ submission: Submission
    ) throws(StoreError) -> ItemResult {
        let name = change.name
        let record = records[name]
        undo?.note(name, record)
        var siblings = record?.siblings ?? []
        siblings.removeAll { merged.ended.contains($0.position) }
        for position in merged.ended { end(position) }
        var head = record?.head
        var position: Position?
        func author(_ version: WrittenVersion) -> Identifier { version.isIncoming ? submission.author : "" }
        let wish = merged.verdict == .accepted && merged.head != nil ? change.visibility : nil
        let access = access(wish, over: record, submission)
        if let version = merged.head {
            if let old = head?.position { end(old) }
            head = place(
                version.change, author: author(version), isSibling: false, version.reason, version.detail, access)
            position = head?.position
        }
        // After the head: one that comes later ends the siblings it has seen, on the devices.
        try share(&siblings, access)
        for version in merged.siblings {
            let entry = place(
                version.change, author: author(version), isSibling: true, version.reason, version.detail, access)
            siblings.append(entry)
            if version.isIncoming { position = entry.position }
        }
        if let head { set(Record(head: head, siblings: siblings), of: name, over: record) }
        return ItemResult(
            decision: .verdict(merged.verdict, merged.reason), clock: merged.version.clock, position: position,
            stored: nil)
    }

    /// Siblings are seen by those who see the head: where that changed they are written again, behind it.
    private mutating func share(_ siblings: inout [LogEntry], _ access: RecordAccess) throws(StoreError) {
        for (index, sibling) in siblings.enumerated() where (sibling.change.visibility ?? .private) != access.visibility
        {
            var whole = sibling
            if let stored = try storedContent(sibling.position) { whole = stored }
            end(sibling.position)
            siblings[index] = place(
                whole.change, author: whole.author, isSibling: true, whole.reason, whole.detail, access)
        }
    }

    private mutating func set(_ record: Record, of name: RecordName, over old: Record?) {
        let wasLive = old.map { !$0.head.change.isDeleted } ?? false
        liveChange += (record.head.change.isDeleted ? 0 : 1) - (wasLive ? 1 : 0)
        records[name] = record
    }

    /// Live records of the space as the items so far left it. The store is asked once.
    mutating func liveCount() throws(StoreError) -> Int {
        if let liveBefore { return liveBefore + liveChange }
        let before = try transaction.liveCount(of: space)
        liveBefore = before
        return before + liveChange
    }

    /// The history as it is now; what it was before an atomic submission is noted for its end.
    mutating func setHistory(_ history: DraftHistory, of name: RecordName) {
        undo?.note(name, histories[name])
        histories[name] = history
    }

    /// The head as an answer carries it: whole, or nil past ``Journal/storedBytesMax``.
    mutating func answered(_ entry: LogEntry?) throws(StoreError) -> LogEntry? {
        guard let entry, entry.position <= before else { return entry }
        if let whole = loaded[entry.position] { return whole }
        guard storedBytes < Journal.storedBytesMax else { return nil }
        guard let whole = try storedContent(entry.position) else { return nil }
        storedBytes += whole.encodedBytesEstimate
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

    private mutating func place(
        _ change: Change, author: Identifier, isSibling: Bool, _ reason: Reason, _ detail: String,
        _ access: RecordAccess
    ) -> LogEntry {
        head = head.next(now: now)
        var kept = change
        if !kept.supersedes.isEmpty { kept.supersedes = [] }
        if kept.visibility != access.visibility { kept.visibility = access.visibility }
        let entry = LogEntry(
            position: head, author: author, change: kept, isSibling: isSibling, reason: reason, detail: detail,
            owner: access.owner, wasShared: access.wasShared)
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
        for (name, history) in undo.histories { histories[name] = history }
        for entry in undo.removed { added[entry.position] = entry }
        // After the entries that came back: one that the submission placed and removed itself is among both.
        for position in undo.placed { added[position] = nil }
        ended.removeSubrange(undo.endedCount...)
        head = undo.head
        liveChange = undo.liveChange
    }
}

/// What one atomic submission changed in a draft. A copy of the draft would do the same, at the price of copying what
/// all submissions before it drafted: quadratic for thousands of small atomic pushes in one commit.
private struct DraftUndo {
    let head: Position
    let endedCount: Int
    let liveChange: Int
    /// The touched records as they were, nil where there was none.
    var records: [RecordName: Record?] = [:]
    /// The same of their histories.
    var histories: [RecordName: DraftHistory?] = [:]
    /// Earlier drafted entries that the submission ended.
    var removed: [LogEntry] = []
    var placed: [Position] = []

    mutating func note(_ name: RecordName, _ record: Record?) {
        if records[name] == nil { records.updateValue(record, forKey: name) }
    }

    mutating func note(_ name: RecordName, _ history: DraftHistory?) {
        if histories[name] == nil { histories.updateValue(history, forKey: name) }
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
        case .verdict(.stale, _), .verdict(.conflict, _), .siblingLimit, .clockLimit, .unknownVersion, .overloaded,
            .atomicAborted, .forbidden, .recordLimit, .unexpected:
            false
        }
    }
}
