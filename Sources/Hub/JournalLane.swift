internal import Causality
internal import Dispatch
internal import Foundation
internal import Reactor
internal import Storage

/// A push on its way through a lane.
struct PendingPush: Sendable {
    var submission: Submission
    /// Called on the lane's queue when the outcome is certain: after the commit, or when nothing was written.
    var answer: @Sendable (Result<[ItemResult], StoreError>) -> Void
    /// What it keeps in memory: the message that its bodies are slices of, or what was decoded, if that is more.
    let bytes: Int
    /// What a stored version that a resolve keeps counts, before anybody knows its size: 256 KiB, so that a resolve of
    /// the most resolutions fills a transaction.
    private static let keptBytesEstimate = 256 << 10

    init(
        _ submission: Submission, messageBytes: Int,
        answer: @escaping @Sendable (Result<[ItemResult], StoreError>) -> Void
    ) {
        self.submission = submission
        self.answer = answer
        let kept = submission.settlements.count { $0.keeps != nil }
        bytes =
            max(messageBytes, submission.changes.reduce(0) { $0 + $1.encodedBytesEstimate })
            + kept * PendingPush.keptBytesEstimate
    }
}

/// Commits the pushes of its spaces, one transaction after another, and announces what each wrote.
///
/// Natural group commit: while one transaction runs, pushes gather; the next one takes them all, up to
/// ``HubLimits/changesPerCommitMax``. A lone push does not wait for company.
///
/// Transactions run on the lane's queue. Where the store does not block they run on the shard that found the lane at
/// rest, at the end of its turn: with all that the turn brought, and without a wakeup.
final class JournalLane: Sendable {
    private struct State {
        var waiting: [PendingPush] = []
        var waitingBytes = 0
        var isCommitting = false
        var isClosed = false
    }

    private let journal: Journal
    private let limits: HubLimits
    private let queue: DispatchQueue
    /// Entered while a run is under way.
    private let running = DispatchGroup()
    private let state = Guarded(State())
    /// Spaces in which a commit may be durable that nobody was told of.
    private let owed = Guarded<Set<Identifier>>([])
    /// How often, and how far apart, a commit whose answer was lost is tried again before its pushers are told to.
    private static let settleTries = 10
    private static let settlePauseSeconds = 0.2
    private let announce: @Sendable (CommittedBatch) -> Void

    init(
        number: Int, journal: Journal, limits: HubLimits, announce: @escaping @Sendable (CommittedBatch) -> Void
    ) {
        self.journal = journal
        self.limits = limits
        self.announce = announce
        queue = DispatchQueue(label: "carillon.lane.\(number)", qos: .userInitiated)
    }

    enum Refusal {
        case overloaded
        case closed
    }

    enum Submitted {
        /// Its answer will never be called.
        case refused(Refusal)
        /// The run that is under way takes it.
        case waits
        /// The lane was at rest: the caller sees to it that it runs.
        case woke
    }

    /// Takes a push to be committed, or says at once why not.
    func submit(_ push: PendingPush) -> Submitted {
        state.withLock { state in
            if state.isClosed { return .refused(.closed) }
            let isFull =
                state.waitingBytes + push.bytes > limits.laneBytesMax && !state.waiting.isEmpty
                || state.waiting.count >= limits.lanePushesMax
            if isFull { return .refused(.overloaded) }
            state.waiting.append(push)
            state.waitingBytes += push.bytes
            guard !state.isCommitting else { return .waits }
            state.isCommitting = true
            // Under the lock, so that `close` waits for it.
            running.enter()
            return .woke
        }
    }

    /// Whether so much waits that whoever sends more is to wait for its answer first.
    var isCrowded: Bool { state.withLock { $0.waitingBytes > limits.laneMarkBytes } }

    func runOnQueue() {
        queue.async { _ = self.run() }
    }

    /// Takes no more pushes and returns when the last one is answered.
    func close() {
        state.withLock { $0.isClosed = true }
        running.wait()
    }

    /// Commits until nothing waits, or `batchesMax` times. The lane was at rest, and the caller's submission woke it.
    ///
    /// - Returns: whether the lane rests; if not, the caller sees to it that this is called again.
    func run(batchesMax: Int = .max) -> Bool {
        for _ in 0..<batchesMax {
            guard let batch = next() else { return true }
            commit(batch)
        }
        return false
    }

    /// What the next transaction takes; nil, and the lane rests, when nothing waits.
    private func next() -> [PendingPush]? {
        state.withLock { state in
            var changes = 0
            var bytes = 0
            var count = 0
            for push in state.waiting {
                changes += push.submission.changes.count
                bytes += push.bytes
                // The first one is taken whatever its size.
                if count > 0, changes > limits.changesPerCommitMax || bytes > limits.bytesPerCommitMax { break }
                count += 1
            }
            guard count > 0 else {
                state.isCommitting = false
                running.leave()
                return nil
            }
            guard count < state.waiting.count else {
                defer { (state.waiting, state.waitingBytes) = ([], 0) }
                return state.waiting
            }
            let taken = Array(state.waiting[..<count])
            state.waiting.removeFirst(count)
            state.waitingBytes -= taken.reduce(0) { $0 + $1.bytes }
            return taken
        }
    }

    private func commit(_ pushes: [PendingPush]) {
        do {
            let receipt = try journal.commit(pushes.map(\.submission), now: WallClock.now)
            announceOwed()
            // Subscribers first: a pusher that has its answer may ask another device at once.
            for batch in receipt.batches { announce(batch) }
            for (push, results) in zip(pushes, receipt.results) { push.answer(.success(results)) }
        } catch .outcomeUnknown {
            settle(pushes)
        } catch {
            for push in pushes { push.answer(.failure(error)) }
        }
    }

    /// The commit's answer was lost. Committing again is the way to read what became of it: what is durable is now a
    /// duplicate and the rest is written. The log, not this memory, says what subscribers missed.
    private func settle(_ pushes: [PendingPush]) {
        owed.withLock { $0.formUnion(pushes.map(\.submission.space)) }
        for attempt in 1...JournalLane.settleTries {
            do {
                let receipt = try journal.commit(pushes.map(\.submission), now: WallClock.now)
                announceOwed()
                for (push, results) in zip(pushes, receipt.results) { push.answer(.success(results)) }
                return
            } catch {
                if attempt == JournalLane.settleTries || !error.isRetryable {
                    // Whatever is durable is announced with the next commit that succeeds.
                    for push in pushes { push.answer(.failure(error)) }
                    return
                }
                Thread.sleep(forTimeInterval: JournalLane.settlePauseSeconds)
            }
        }
    }

    /// Sends the live subscribers of every space that may hold an unannounced commit to the log: an announcement from
    /// the log's beginning that holds nothing.
    private func announceOwed() {
        for space in owed.withLock({ $0 }) {
            guard let head = try? journal.store.head(of: space) else { continue }
            announce(CommittedBatch(space: space, after: .start, upTo: head, entries: []))
            owed.withLock { _ = $0.remove(space) }
        }
    }
}
