internal import Causality
internal import Foundation
internal import Reactor
internal import Storage

/// A store that is away: what was taken waits for it until each push's own deadline, while newer pushes gather.
extension JournalLane {
    /// Seconds between two tries: the first, and the longest, of pauses that double.
    private static let pauseSecondsFirst = 0.05
    private static let pauseSecondsMax = 1.0
    /// Seconds that are left to what waits once the hub stops.
    private static let farewellSeconds = 1.0
    static let uncertain = StoreError.outcomeUnknown("the commit's answer was lost")

    /// Tries again until every push is answered. Blocks.
    func retry(_ pushes: [PendingPush], after trouble: StoreError) {
        metrics.withLock { $0.pushesThatWaited += pushes.count }
        var waiting = pushes
        var trouble = trouble
        var pause = JournalLane.pauseSecondsFirst
        var closedAt: UInt64?
        // What is durable, and was announced to nobody, may be told as duplicates from now on.
        var isUncertain = note(trouble, pushes)
        outage.began(trouble)
        while true {
            let now = WallClock.uptime
            state.withLock { $0.movedAt = now }
            if closedAt == nil, isClosed { closedAt = now }
            let given = deadlines(of: waiting, closedAt: closedAt)
            for (push, deadline) in zip(waiting, given) where deadline <= now { push.answer(.failure(trouble)) }
            let left = zip(waiting, given).filter { $0.1 > now }
            guard let nearest = left.map(\.1).min() else { return refuseOverdue(now: now, closedAt: closedAt) }
            waiting = left.map(\.0)
            Thread.sleep(forTimeInterval: min(pause, Double(nearest - now) / 1e9))
            pause = min(pause * 2, JournalLane.pauseSecondsMax)
            metrics.withLock { $0.commitsRetried += 1 }
            guard let next = commit(waiting, isUncertain: isUncertain) else { return }
            isUncertain = note(next, waiting) || isUncertain
            trouble = isUncertain ? JournalLane.uncertain : next
        }
    }

    /// The store is still away, and may take seconds to say so again: what has waited as long behind those that were
    /// tried is refused with them, and not batch after batch.
    private func refuseOverdue(now: UInt64, closedAt: UInt64?) {
        let overdue = takeWaiting { self.deadlines(of: $0, closedAt: closedAt).map { $0 <= now } }
        for push in overdue { push.answer(.failure(.unavailable("the store is away"))) }
    }

    /// When each is to be answered, whatever has become of it: uptime in nanoseconds.
    private func deadlines(of pushes: [PendingPush], closedAt: UInt64?) -> [UInt64] {
        let patience = UInt64(max(limits.storeWaitSeconds, 0)) * 1_000_000_000
        let farewell = closedAt.map { $0 + UInt64(JournalLane.farewellSeconds * 1e9) } ?? .max
        return pushes.map { min($0.arrivedAt + patience, farewell) }
    }

    /// Whether the outcome of a commit is unknown: then the log, not this memory, says what subscribers missed.
    private func note(_ trouble: StoreError, _ pushes: [PendingPush]) -> Bool {
        guard case .outcomeUnknown = trouble else { return false }
        owed.withLock { $0.formUnion(pushes.map(\.submission.space)) }
        return true
    }

    /// Announces the head of every space that may hold an unannounced commit: what lies before it is then read.
    func announceOwed() {
        // Taken out first: what is owed anew while the head is read stays.
        let spaces = owed.withLock { owed in
            defer { owed = [] }
            return owed
        }
        for space in spaces {
            guard let head = try? journal.store.head(of: space) else {
                owed.withLock { _ = $0.insert(space) }
                continue
            }
            announce([CommittedBatch(space: space, after: head, upTo: head, entries: [])], journal.store.generation)
        }
    }
}
