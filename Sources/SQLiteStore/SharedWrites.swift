internal import Foundation
internal import GRDB

/// Small writes of several threads as one transaction: a sync of the disk for each would let some hundred devices a
/// second register, and a herd that comes for the first time is thousands.
///
/// Whoever finds nobody writing writes for all who wait.
final class SharedWrites: @unchecked Sendable {
    // @unchecked: all state is touched with `condition` locked, but for a job's outcome, which only the thread that
    // writes it touches until `isDone` is set.
    private final class Job {
        let body: (Database) throws -> Void
        var error: (any Error)?
        var isDone = false

        init(_ body: @escaping (Database) throws -> Void) { self.body = body }
    }

    /// Writes in one transaction: some milliseconds, for which a commit of the log waits.
    private static let jobsPerTransactionMax = 256

    private let pool: DatabasePool
    private let condition = NSCondition()
    private var waiting: [Job] = []
    private var isWriting = false

    init(_ pool: DatabasePool) { self.pool = pool }

    /// Returns when what `body` did is durable. A constraint that it breaks undoes nothing of the others' writes.
    func write<Value>(_ body: @escaping (Database) throws -> Value) throws -> Value {
        var value: Value?
        let job = Job { value = try body($0) }
        perform(job)
        if let error = job.error { throw error }
        guard let value else { preconditionFailure("A write ended without its value") }
        return value
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
            let taken = Array(waiting.prefix(SharedWrites.jobsPerTransactionMax))
            waiting.removeFirst(taken.count)
            condition.unlock()
            let failure = commit(taken)
            condition.lock()
            for job in taken {
                job.error = failure ?? job.error
                job.isDone = true
            }
            isWriting = false
            condition.broadcast()
        }
    }

    /// What went wrong with the whole transaction.
    private func commit(_ jobs: [Job]) -> (any Error)? {
        do {
            try pool.write { database in
                for job in jobs {
                    do {
                        try database.inSavepoint {
                            try job.body(database)
                            return .commit
                        }
                    } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                        // Any other failure may have rolled back everything (a full disk does).
                        job.error = error
                    }
                }
            }
            return nil
        } catch {
            return error
        }
    }
}
