internal import Causality
internal import Dispatch
internal import Reactor
internal import Storage

/// Commits the pushes of its spaces, one transaction after another, and announces what each wrote.
///
/// Natural group commit: while one transaction runs, pushes gather; the next one takes them all, up to
/// ``HubLimits/changesPerCommitMax``. A lone push does not wait for company; those who push again and again, and come in
/// halves, are brought together (``Company``).
///
/// Transactions run on the lane's queue. Where the store does not block they run on the shard that found the lane at
/// rest, at the end of its turn: with all that the turn brought, and without a wakeup.
final class JournalLane: Sendable {
    struct State {
        var waiting: [PendingPush] = []
        var waitingBytes = 0
        var isCommitting = false
        var isClosed = false
        var company = Company()
        /// How many are waited for, while they are.
        var expected: Int?
        var figures = LaneFigures()
        /// Uptime in nanoseconds of the last step: a transaction taken, tried again, or ended.
        var movedAt = WallClock.uptime
    }

    let number: Int
    let journal: Journal
    let limits: HubLimits
    let queue: DispatchQueue
    /// Entered while a run is under way.
    private let running = DispatchGroup()
    let state = Guarded(State())
    /// Signalled once when those came who are waited for.
    let arrived = DispatchSemaphore(value: 0)
    /// Spaces in which a commit may be durable that nobody was told of.
    let owed = Guarded<Set<Identifier>>([])
    let metrics: Guarded<HubMetrics>
    let outage: StoreOutage
    let log: LogAllowance
    let announce: Announcing

    /// Told of every transaction that wrote something, and in which life of the log it did.
    typealias Announcing = @Sendable (_ batches: [CommittedBatch], _ generation: Generation) -> Void

    init(
        number: Int, journal: Journal, limits: HubLimits, metrics: Guarded<HubMetrics>, outage: StoreOutage,
        log: LogAllowance, announce: @escaping Announcing
    ) {
        self.number = number
        self.journal = journal
        self.limits = limits
        self.metrics = metrics
        self.outage = outage
        self.log = log
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
            guard !state.isCommitting else {
                if let expected = state.expected,
                    state.waiting.count >= expected || state.waitingBytes >= limits.bytesPerCommitMax
                {
                    state.expected = nil
                    arrived.signal()
                }
                return .waits
            }
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

    /// Takes no more pushes.
    func close() {
        state.withLock { $0.isClosed = true }
    }

    /// Returns when the last push is answered, or at `deadline`.
    func finish(by deadline: DispatchTime) {
        _ = running.wait(timeout: deadline)
    }

    /// Takes out what waits and `isOverdue` names, in its order.
    func takeWaiting(where isOverdue: ([PendingPush]) -> [Bool]) -> [PendingPush] {
        state.withLock { state in
            let marked = zip(state.waiting, isOverdue(state.waiting))
            let taken = marked.filter(\.1).map(\.0)
            guard !taken.isEmpty else { return [] }
            state.waiting = marked.filter { !$0.1 }.map(\.0)
            state.waitingBytes -= taken.reduce(0) { $0 + $1.bytes }
            return taken
        }
    }

    var owes: Bool { owed.withLock { !$0.isEmpty } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Commits until nothing waits, or `batchesMax` times. The lane was at rest, and the caller's submission woke it.
    ///
    /// - Parameter mayWait: false on a thread that must not wait for a store that is away: what is to be tried again
    ///   goes on, and the lane with it, on the lane's queue.
    /// - Returns: whether the lane rests, or has gone on to its queue; if not, the caller sees to it that this is called
    ///   again.
    func run(batchesMax: Int = .max, mayWait: Bool = true) -> Bool {
        for _ in 0..<batchesMax {
            guard let batch = next() else { return true }
            let began = mayWait ? WallClock.uptime : 0
            guard let trouble = commit(batch) else {
                if mayWait { gather(answered: batch.count, took: WallClock.uptime - began) }
                continue
            }
            if mayWait {
                retry(batch, after: trouble)
            } else {
                queue.async {
                    self.retry(batch, after: trouble)
                    _ = self.run()
                }
                return true
            }
        }
        return false
    }

    /// What the next transaction takes; nil, and the lane rests, when nothing waits.
    private func next() -> [PendingPush]? {
        let now = WallClock.uptime
        return state.withLock { state in
            state.movedAt = now
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

    /// Nil when every push is answered; what went wrong where it may go better later.
    ///
    /// - Parameter isUncertain: an earlier try may be durable. Committing again is the way to read what became of it:
    ///   what is durable is now a duplicate, and the rest is written.
    func commit(_ pushes: [PendingPush], isUncertain: Bool = false) -> StoreError? {
        let generation = journal.store.generation
        let begunAt = WallClock.uptime
        do {
            // What may be durable already is not judged anew.
            let (admitted, refused) = try isUncertain ? (pushes, []) : admission(of: pushes)
            guard !admitted.isEmpty else {
                for push in refused { push.refuse() }
                return nil
            }
            let receipt = try journal.commit(admitted.map(\.submission), now: WallClock.now)
            let tookNanoseconds = WallClock.uptime - begunAt
            announceOwed()
            // Subscribers first: a pusher that has its answer may ask another device at once.
            if !receipt.batches.isEmpty { announce(receipt.batches, generation) }
            for (push, results) in zip(admitted, receipt.results) { push.answer(.success(results)) }
            for push in refused { push.refuse() }
            note(receipt.results, of: admitted, tookNanoseconds: tookNanoseconds)
            return nil
        } catch {
            noteFailure()
            switch error {
            case .unavailable, .denied, .outcomeUnknown: return error
            // A full disk is none that a moment's patience helps.
            case .full, .corrupt, .newerSchema, .refused, .limitReached:
                let told = isUncertain ? JournalLane.uncertain : error
                for push in pushes { push.answer(.failure(told)) }
                return nil
            }
        }
    }
}
