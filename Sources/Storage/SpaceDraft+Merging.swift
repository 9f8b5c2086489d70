internal import Causality

/// Kinds whose policy is a merge: the only ones for which a history is read or written.
extension SpaceDraft {
    mutating func merge(
        _ change: Change, of submission: Submission, by rule: MergeRule
    ) throws(StoreError) -> ItemResult {
        // Asked before and counted after: one item never fails for what it costs itself.
        guard mergeWork.units < mergeWorkMax else {
            return ItemResult(decision: .overloaded, clock: change.clock, position: nil, stored: nil)
        }
        let name = change.name
        guard try hasRoom(for: change, over: records[name], submission) else { return SpaceDraft.recordLimit(change) }
        var history = try history(of: name)
        let resolver = MergeResolver(
            rule: rule, isForced: submission.isForced, replica: submission.replica, contentHash: contentHash)
        switch resolver.resolve(change, against: records[name], history: history.versions, work: &mergeWork) {
        case .ordinary(let resolution):
            return try write(resolution, of: change, submission, over: records[name])
        case .merged(var merged):
            // Records are read without their reasons.
            if let sibling = try storedContent(merged.standing) {
                mergeWork.countReading(sibling.change)
                merged.reason = sibling.reason
            }
            if merged.history != history.versions {
                history.versions = merged.history
                setHistory(history, of: name)
            }
            var result = try write(merged, of: change, submission)
            if merged.answersHead { result.stored = try answered(records[name]?.head) }
            return result
        }
    }

    /// The history as the items before left it. A record from before its kind was merged begins one with its head.
    private mutating func history(of name: RecordName) throws(StoreError) -> DraftHistory {
        if let known = histories[name] { return known }
        guard let record = records[name] else { return DraftHistory(stored: []) }
        let stored = try transaction.history(of: name, in: space)
        for version in stored { mergeWork.countReading(version.change) }
        var history = DraftHistory(stored: stored)
        if history.versions.versions.isEmpty {
            let head = try storedContent(record.head.position) ?? record.head
            mergeWork.countReading(head.change)
            history.versions = MergeHistory([HistoryVersion(number: 1, change: head.change)])
        }
        histories[name] = history
        return history
    }
}

/// A record's history in a commit: as it is stored, and as it is to be.
struct DraftHistory {
    private let storedNumbers: [Int64]
    var versions: MergeHistory

    init(stored: [HistoryVersion]) {
        storedNumbers = stored.map(\.number)
        versions = MergeHistory(stored)
    }

    /// What the commit has to do; nil where that is nothing.
    func edit(of name: RecordName) -> HistoryEdit? {
        let kept = Set(versions.versions.map(\.number))
        let removed = storedNumbers.filter { !kept.contains($0) }
        let added = versions.versions.filter { !storedNumbers.contains($0.number) }.map { version in
            // Who may see the record is the head's to say.
            var change = version.change
            change.visibility = nil
            return HistoryVersion(number: version.number, change: change)
        }
        return removed.isEmpty && added.isEmpty ? nil : HistoryEdit(name: name, removed: removed, added: added)
    }
}
