internal import GRDB
internal import Storage

/// Small writes of several threads as one transaction (``SharedTurns``).
final class SharedWrites: Sendable {
    private final class Job {
        let body: (Database) throws -> Void
        var error: (any Error)?

        init(_ body: @escaping (Database) throws -> Void) { self.body = body }
    }

    private let turns: SharedTurns<Job>

    init(_ pool: DatabasePool) {
        turns = SharedTurns { SharedWrites.write($0, pool) }
    }

    /// Returns when what `body` did is durable. A constraint that it breaks undoes nothing of the others' writes.
    func write<Value>(_ body: @escaping (Database) throws -> Value) throws -> Value {
        var value: Value?
        let job = Job { value = try body($0) }
        turns.perform(job)
        if let error = job.error { throw error }
        guard let value else { preconditionFailure("A write ended without its value") }
        return value
    }

    /// What goes wrong with the whole transaction is everybody's error.
    private static func write(_ jobs: [Job], _ pool: DatabasePool) {
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
        } catch {
            for job in jobs { job.error = error }
        }
    }
}
