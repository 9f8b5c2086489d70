internal import Causality

/// Clocks for writers that keep none (``ClockBasis``).
extension SpaceDraft {
    enum Based {
        case change(Change)
        case settled(ItemResult)
    }

    func based(_ change: Change, of submission: Submission) -> Based {
        let record = records[change.name]
        // What is not there needs no deletion, whoever deleted it.
        if change.isDeleted, record?.head.change.isDeleted ?? true { return .settled(nothingNew(change, over: record)) }
        var based = change
        guard let record else {
            based.clock = VectorClock().incremented(submission.replica)
            return .change(based)
        }
        let isKnown: (LogEntry) -> Bool
        switch submission.basis {
        case .given: return .change(change)
        case .latest: isKnown = { _ in true }
        case .seen(let position): isKnown = { $0.position <= position || $0.isOwn(of: submission) }
        }
        if case .seen = submission.basis, record.head.isOwn(of: submission), change.repeats(record.head.change) {
            return .settled(nothingNew(change, over: record))
        }
        based.clock = clock(over: record, of: submission, change, isKnown: isKnown, ending: &based.supersedes)
        return .change(based)
    }

    /// A clock after all versions that the writer knows, and after none of the others.
    private func clock(
        over record: Record, of submission: Submission, _ change: Change, isKnown: (LogEntry) -> Bool,
        ending: inout [VectorClock]
    ) -> VectorClock {
        ending = []
        let head = record.head
        let unknown = record.siblings.filter { !isKnown($0) }.map(\.change.clock)
        let known = record.siblings.filter(isKnown)
        // A push that conflicted and comes again is the sibling that it left.
        if !isKnown(head), let twin = known.first(where: { $0.isOwn(of: submission) && change.repeats($0.change) }) {
            return twin.change.clock
        }
        // Over every counter there is of the replica, seen or not: no version is named twice.
        let versions = [head] + record.siblings
        let count = versions.reduce(VectorClock()) { $0.merged(with: $1.change.clock) }.incremented(submission.replica)
        let alone = VectorClock([.init(replica: submission.replica, counter: count[submission.replica])])
        let seen = known.reduce(isKnown(head) ? head.change.clock.merged(with: alone) : alone) {
            $0.merged(with: $1.change.clock)
        }
        let unseen = isKnown(head) ? unknown : unknown + [head.change.clock]
        // Merged clocks may cover one that none of them covers. It is not lost for that: `alone` covers only what
        // names nobody else, and that is the writer's own (`LogEntry.isOwn`).
        let covered = unseen.filter { seen.dominates($0) && !(isKnown(head) && head.change.clock.dominates($0)) }
        guard covered.isEmpty else { return alone }
        // By name, so that those of cloned devices end too, whose clocks the head's covers (`Resolver.ends`).
        if isKnown(head) { ending = known.map(\.change.clock).filter { !unknown.contains($0) } }
        return seen
    }

    private func nothingNew(_ change: Change, over record: Record?) -> ItemResult {
        ItemResult(
            decision: .verdict(.duplicate, .sameContent), clock: record?.head.change.clock ?? VectorClock(),
            position: nil, stored: nil)
    }
}

extension LogEntry {
    /// Whether the writer made it: it was pushed by the same device, or no other replica had a part in it.
    fileprivate func isOwn(of submission: Submission) -> Bool {
        author == submission.author || change.clock.entries.allSatisfy { $0.replica == submission.replica }
    }
}

extension Change {
    /// Whether writing it over `stored` would change nothing.
    fileprivate func repeats(_ stored: Change) -> Bool {
        hasSameContent(as: stored) && namespace == stored.namespace
            && (visibility == nil || visibility == stored.visibility)
    }
}
