internal import Foundation
internal import Storage

/// Small writes of several threads as one transaction: a sync of the disk for each would let some hundred devices a
/// second register, and a herd that comes for the first time is thousands.
///
/// Whoever finds nobody writing writes for all who wait: one round trip, one commit. A job that the server refuses fails
/// alone: its batch is rolled back, and each job of it done for itself.
final class SharedStatements: @unchecked Sendable {
    // @unchecked: all state is touched with `condition` locked, but for a job, which only the thread that writes it
    // touches until `isDone` is set.
    typealias Step = (statement: Statement, parameters: Parameters)

    private final class Job {
        let steps: [Step]
        let isRepeatable: Bool
        var outcome: Result<[Rows], StoreError>?
        var isDone = false

        init(_ steps: [Step], isRepeatable: Bool) {
            self.steps = steps
            self.isRepeatable = isRepeatable
        }
    }

    /// Jobs of one transaction: some 10 ms, for which the next ones wait.
    private static let jobsPerTransactionMax = 256

    private let pool: ConnectionPool
    private let state: Guarded<PostgresStore.State>
    private let seconds: Int
    private let condition = NSCondition()
    private var waiting: [Job] = []
    private var isWriting = false
    private var writtenCount = 0

    /// - Parameter seconds: after these nothing of a batch is tried again, and what was not tried yet is given up:
    ///   others wait behind it.
    init(_ pool: ConnectionPool, _ state: Guarded<PostgresStore.State>, seconds: Int) {
        self.pool = pool
        self.state = state
        self.seconds = seconds
    }

    /// Batches that were written so far.
    var transactionCount: Int {
        condition.lock()
        defer { condition.unlock() }
        return writtenCount
    }

    /// Returns what each step gave, once it is durable.
    ///
    /// - Parameter isRepeatable: whether doing it twice is as doing it once: it is then done again where the connection
    ///   was lost in the middle.
    /// - Throws: ``StoreError/outcomeUnknown(_:)`` where it may have been done.
    func run(_ steps: [Step], isRepeatable: Bool) throws(StoreError) -> [Rows] {
        let job = Job(steps, isRepeatable: isRepeatable)
        perform(job)
        switch job.outcome {
        case .success(let rows): return rows
        case .failure(let error): throw error
        case nil: throw .unavailable("a write ended without its outcome")
        }
    }

    private func perform(_ job: Job) {
        condition.lock()
        defer { condition.unlock() }
        waiting.append(job)
        while !job.isDone {
            if isWriting {
                condition.wait()
                continue
            }
            isWriting = true
            let taken = Array(waiting.prefix(SharedStatements.jobsPerTransactionMax))
            waiting.removeFirst(taken.count)
            condition.unlock()
            write(taken)
            condition.lock()
            for job in taken { job.isDone = true }
            isWriting = false
            writtenCount += 1
            condition.broadcast()
        }
    }

    private func write(_ jobs: [Job]) {
        write(jobs, Retries(until: seconds))
    }

    /// All outcomes are set where it returns.
    private func write(_ all: [Job], _ started: Retries) {
        var retries = started
        var jobs = all
        var isUncertain = false
        while !jobs.isEmpty {
            var wasSent = false
            do throws(PostgresFailure) {
                return try transact(jobs, &wasSent)
            } catch {
                if wasSent, error.kind == .lost {
                    // The server went in the middle: maybe it did it.
                    isUncertain = true
                    for job in jobs where !job.isRepeatable {
                        job.outcome = .failure(.outcomeUnknown(error.uncertainty))
                    }
                    jobs.removeAll { !$0.isRepeatable }
                }
                if jobs.count > 1, SharedStatements.isOfOneStatement(error) {
                    return writeEach(jobs, retries, error)
                }
                guard retries.mayRetry(error) else {
                    let told: StoreError = isUncertain ? .outcomeUnknown(error.uncertainty) : StoreError(error)
                    for job in jobs { job.outcome = .failure(told) }
                    return
                }
                retries.note(error, in: state)
                retries.pause()
            }
        }
    }

    private func writeEach(_ jobs: [Job], _ retries: Retries, _ failure: PostgresFailure) {
        for job in jobs {
            if retries.isOver {
                job.outcome = .failure(.unavailable("Postgres is too slow for what waits: \(failure.message)"))
            } else {
                write([job], retries)
            }
        }
    }

    /// Whether a statement is to blame and not the server: a constraint, or a value that it does not take.
    private static func isOfOneStatement(_ failure: PostgresFailure) -> Bool {
        ["22", "23"].contains(failure.sqlState?.prefix(2) ?? "")
    }

    /// All or nothing, with the outcomes of all set where it returns.
    private func transact(_ jobs: [Job], _ wasSent: inout Bool) throws(PostgresFailure) {
        let connection = try pool.borrow()
        defer { pool.giveBack(connection) }
        wasSent = true
        let results: [Rows]
        do throws(PostgresFailure) {
            try connection.send(PostgresTransaction.begin)
            for job in jobs {
                for step in job.steps { try connection.send(step.statement, step.parameters) }
            }
            try connection.send(PostgresTransaction.commit)
            results = try connection.sync()
        } catch {
            if !connection.isBroken { _ = try? connection.run(PostgresTransaction.rollback) }
            throw error
        }
        var rest = results.dropFirst()
        for job in jobs {
            job.outcome = .success(Array(rest.prefix(job.steps.count)))
            rest = rest.dropFirst(job.steps.count)
        }
    }
}
