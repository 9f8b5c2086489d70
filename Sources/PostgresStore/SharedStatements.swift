internal import Storage

/// Small writes of several threads as one transaction (``SharedTurns``): one round trip, one commit. A job that the server
/// refuses fails alone: its batch is rolled back, and each job of it done for itself.
final class SharedStatements: Sendable {
    typealias Step = (statement: Statement, parameters: Parameters)

    private final class Job {
        let steps: [Step]
        let isRepeatable: Bool
        let isLazy: Bool
        var outcome: Result<[Rows], StoreError>?

        init(_ steps: [Step], isRepeatable: Bool, isLazy: Bool) {
            self.steps = steps
            self.isRepeatable = isRepeatable
            self.isLazy = isLazy
        }
    }

    private let turns: SharedTurns<Job>
    private static let lazy: Statement = "SELECT set_config('synchronous_commit', 'off', true)"

    /// - Parameter seconds: after these nothing of a batch is tried again, and what was not tried yet is given up:
    ///   others wait behind it.
    init(_ pool: ConnectionPool, _ state: Guarded<PostgresStore.State>, seconds: Int) {
        let writer = Writer(pool: pool, state: state)
        turns = SharedTurns { writer.write($0, Retries(until: seconds)) }
    }

    /// Batches that were written so far.
    var transactionCount: Int { turns.turnCount }

    /// Returns what each step gave, once it is durable.
    ///
    /// - Parameter isRepeatable: whether doing it twice is as doing it once: it is then done again where the connection
    ///   was lost in the middle.
    /// - Parameter isLazy: whether it may be lost where the server's machine dies within the next moment: alone, or with
    ///   others of its kind, it does not wait for the disk.
    /// - Throws: ``StoreError/outcomeUnknown(_:)`` where it may have been done.
    func run(_ steps: [Step], isRepeatable: Bool, isLazy: Bool = false) throws(StoreError) -> [Rows] {
        let job = Job(steps, isRepeatable: isRepeatable, isLazy: isLazy)
        turns.perform(job)
        switch job.outcome {
        case .success(let rows): return rows
        case .failure(let error): throw error
        case nil: throw .unavailable("a write ended without its outcome")
        }
    }

    /// Writes one batch.
    private struct Writer {
        let pool: ConnectionPool
        let state: Guarded<PostgresStore.State>

        /// All outcomes are set where it returns.
        func write(_ all: [Job], _ started: Retries) {
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
                    if jobs.count > 1, Writer.isOfOneStatement(error) {
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
            let isLazy = jobs.allSatisfy(\.isLazy)
            let results: [Rows]
            do throws(PostgresFailure) {
                try connection.send(PostgresTransaction.begin)
                if isLazy { try connection.send(SharedStatements.lazy) }
                for job in jobs {
                    for step in job.steps { try connection.send(step.statement, step.parameters) }
                }
                try connection.send(PostgresTransaction.commit)
                results = try connection.sync()
            } catch {
                if !connection.isBroken { _ = try? connection.run(PostgresTransaction.rollback) }
                throw error
            }
            var rest = results.dropFirst(isLazy ? 2 : 1)
            for job in jobs {
                job.outcome = .success(Array(rest.prefix(job.steps.count)))
                rest = rest.dropFirst(job.steps.count)
            }
        }
    }
}
