internal import Foundation

/// Small writes of several threads in turns that they share: a sync of the disk for each would let some hundred devices a
/// second register, and a herd that comes for the first time is thousands.
///
/// Whoever finds nobody writing writes for all who wait. Nobody waits for company.
public final class SharedTurns<Job>: @unchecked Sendable {
    // @unchecked: all state is touched with `condition` locked. A job is its caller's until it is handed in, then of the
    // thread that writes it, and its caller's again when `perform` returns.
    private final class Place {
        let job: Job
        var isDone = false

        init(_ job: Job) { self.job = job }
    }

    private let jobsMax: Int
    private let write: ([Job]) -> Void
    private let condition = NSCondition()
    private var waiting: [Place] = []
    private var isWriting = false
    private var writtenCount = 0

    /// - Parameters:
    ///   - jobsMax: jobs of one turn: some 10 ms, for which the next ones wait.
    ///   - write: writes jobs, in the order in which they came, and sets their outcomes; one call after another, each on
    ///     the thread of one of those who wait.
    public init(jobsMax: Int = 256, write: @escaping ([Job]) -> Void) {
        self.jobsMax = jobsMax
        self.write = write
    }

    /// Turns so far.
    public var turnCount: Int {
        condition.lock()
        defer { condition.unlock() }
        return writtenCount
    }

    /// Returns when `job` was written, whatever came of it.
    public func perform(_ job: Job) {
        let place = Place(job)
        condition.lock()
        defer { condition.unlock() }
        waiting.append(place)
        while !place.isDone {
            if isWriting {
                condition.wait()
                continue
            }
            isWriting = true
            let taken = Array(waiting.prefix(jobsMax))
            waiting.removeFirst(taken.count)
            condition.unlock()
            write(taken.map(\.job))
            condition.lock()
            for place in taken { place.isDone = true }
            isWriting = false
            writtenCount += 1
            condition.broadcast()
        }
    }
}
