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
        var outcome: Result<[Rows], PostgresFailure>?
        var isDone = false

        init(_ steps: [Step], isRepeatable: Bool) {
            self.steps = steps
            self.isRepeatable = isRepeatable
        }
    }

    /// Jobs of one transaction: some 10 ms, for which the next ones wait.
    private static let jobsPerTransactionMax = 256
    /// Attempts of one transaction that others were in the way of. They go by in milliseconds.
    private static let attemptsMax = 8

    private let pool: ConnectionPool
    private let condition = NSCondition()
    private var waiting: [Job] = []
    private var isWriting = false
    private var writtenCount = 0

    private static let begin = Statement("BEGIN ISOLATION LEVEL READ COMMITTED")
    private static let commit = Statement("COMMIT")
    private static let rollback = Statement("ROLLBACK")

    init(_ pool: ConnectionPool) { self.pool = pool }

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
    func run(_ steps: [Step], isRepeatable: Bool) throws(StoreError) -> [Rows] {
        let job = Job(steps, isRepeatable: isRepeatable)
        perform(job)
        switch job.outcome {
        case .success(let rows): return rows
        case .failure(let failure) where failure.kind == .lost: throw .outcomeUnknown(failure.message)
        case .failure(let failure): throw StoreError(failure)
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
        do throws(PostgresFailure) {
            try commit(jobs)
        } catch {
            guard error.kind == .lost else {
                return fail(jobs, error, isAlone: jobs.count == 1)
            }
            // The server went in the middle: maybe it did it. A new connection tells whether it is back.
            let repeated = jobs.filter(\.isRepeatable)
            for job in jobs where !job.isRepeatable { job.outcome = .failure(error) }
            do throws(PostgresFailure) {
                if !repeated.isEmpty { try commit(repeated) }
            } catch {
                fail(repeated, error, isAlone: repeated.count == 1)
            }
        }
    }

    private func fail(_ jobs: [Job], _ failure: PostgresFailure, isAlone: Bool) {
        guard !isAlone, case .server(let state) = failure.kind, SharedStatements.isOfOneStatement(state) else {
            for job in jobs { job.outcome = .failure(failure) }
            return
        }
        for job in jobs {
            do throws(PostgresFailure) { try commit([job]) } catch { job.outcome = .failure(error) }
        }
    }

    /// Whether a statement is to blame and not the server: a constraint, or a value that it does not take.
    private static func isOfOneStatement(_ state: String) -> Bool { state.hasPrefix("23") || state.hasPrefix("22") }

    /// All or nothing, with the outcomes of all set where it returns.
    private func commit(_ jobs: [Job]) throws(PostgresFailure) {
        for attempt in 1... {
            do throws(PostgresFailure) {
                let results = try pool.lend { (connection) throws(PostgresFailure) in
                    try SharedStatements.transaction(jobs, connection)
                }
                var rest = results.dropFirst()
                for job in jobs {
                    job.outcome = .success(Array(rest.prefix(job.steps.count)))
                    rest = rest.dropFirst(job.steps.count)
                }
                return
            } catch {
                let isInTheWay = ["40001", "40P01", "55P03"].contains(error.sqlState ?? "")
                guard isInTheWay, attempt < SharedStatements.attemptsMax else { throw error }
                Thread.sleep(forTimeInterval: Double.random(in: 0...0.002) * Double(1 << attempt))
            }
        }
    }

    private static func transaction(
        _ jobs: [Job], _ connection: PostgresConnection
    ) throws(PostgresFailure) -> [Rows] {
        do throws(PostgresFailure) {
            try connection.send(begin)
            for job in jobs {
                for step in job.steps { try connection.send(step.statement, step.parameters) }
            }
            try connection.send(commit)
            return try connection.sync()
        } catch {
            if !connection.isBroken { _ = try? connection.run(rollback) }
            throw error
        }
    }
}
