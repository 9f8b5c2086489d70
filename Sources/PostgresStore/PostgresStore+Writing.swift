internal import Foundation
public import Storage

extension PostgresStore {
    public func write<Value>(
        _ body: (any StoreTransaction) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        guard !isReadOnly else {
            throw .unavailable("This store is a standby that is only read. Write to the primary.")
        }
        var retries = Retries(until: configuration.statementSeconds)
        while true {
            let attempt: Attempt<Value>
            do throws(PostgresFailure) {
                attempt = try writers.lend { (connection) throws(PostgresFailure) in
                    self.attempt(on: connection, body)
                }
            } catch {
                throw StoreError(error)
            }
            switch attempt {
            case .done(let value): return value
            case .refused(let error): throw error
            case .movedElsewhere:
                try renewIfElsewhere()
                retries.note(PostgresFailure(kind: .lost, message: ""), in: state)
            case .failed(let failure):
                guard retries.mayRetry(failure, wasCommitSent: false) else { throw StoreError(failure) }
                retries.note(failure, in: state)
                retries.pause()
            case .unanswered(let value, let transactionID, let failure):
                switch outcome(of: transactionID) {
                case .committed: return value
                case .unknown: throw .outcomeUnknown("The answer to a commit was lost: \(failure.message)")
                case .aborted:
                    guard retries.mayRetry(failure, wasCommitSent: false) else { throw StoreError(failure) }
                    retries.note(failure, in: state)
                }
            }
        }
    }

    private enum Attempt<Value> {
        case done(Value)
        /// The body's own error; nothing was written.
        case refused(StoreError)
        case failed(PostgresFailure)
        /// The log lives elsewhere than it was written.
        case movedElsewhere
        /// The commit was sent and its answer lost.
        case unanswered(Value, transactionID: Int64, PostgresFailure)
    }

    private func attempt<Value>(
        on connection: PostgresConnection, _ body: (any StoreTransaction) throws(StoreError) -> Value
    ) -> Attempt<Value> {
        let transaction = PostgresTransaction(connection, store: self)
        let value: Value
        do throws(StoreError) {
            value = try body(transaction)
        } catch {
            transaction.rollBack()
            if transaction.isElsewhere { return .movedElsewhere }
            return transaction.failure.map { .failed($0) } ?? .refused(error)
        }
        do throws(PostgresFailure) {
            try transaction.finish()
            state.withLock { $0.metrics.commits += 1 }
            return .done(value)
        } catch {
            transaction.rollBack()
            if error.isLost, transaction.isCommitSent {
                return .unanswered(value, transactionID: transaction.transactionID, error)
            }
            return .failed(error)
        }
    }

    func renewIfElsewhere() throws(StoreError) {
        let count = state.withLock { $0.lifeCount }
        let generation = try change { (connection) throws(PostgresFailure) in
            try OpenedSchema.renew(
                on: connection, lockKey: self.lockKey, life: self.life, onlyIfElsewhere: true)
        }
        log("The log lives elsewhere than it was written, and has the new generation \(generation.text).")
        state.withLock { $0.note(generation, seenAt: count) }
    }

    private enum CommitOutcome {
        case committed
        case aborted
        case unknown
    }

    private static let outcomePauseSeconds = 0.1

    /// What became of a transaction, on a connection of its own: for as long as ``Configuration/outcomeSeconds`` the
    /// server is tried, and a backend that has not noticed yet that we are gone is waited for.
    private func outcome(of transactionID: Int64) -> CommitOutcome {
        state.withLock { $0.metrics.outcomesAsked += 1 }
        let end = MonotonicTime.now + Int64(configuration.outcomeSeconds) * 1_000_000_000
        while MonotonicTime.now < end {
            if let outcome = try? askOutcome(of: transactionID) { return outcome }
            Thread.sleep(forTimeInterval: PostgresStore.outcomePauseSeconds)
        }
        return .unknown
    }

    static let transactionStatus = Statement("SELECT pg_xact_status($1::text::xid8)", isPrepared: false)

    /// nil while it is not decided.
    private func askOutcome(of transactionID: Int64) throws(PostgresFailure) -> CommitOutcome? {
        let connection = try PostgresConnection(settings)
        // Another server's transaction of that number would be another one.
        guard let row = try connection.run(life.reading).first, !Life(row).isElsewhere else { return .unknown }
        var parameters = Parameters()
        parameters.add(String(transactionID))
        switch try connection.run(PostgresStore.transactionStatus, parameters).first?.optionalText(0) {
        case "committed": return .committed
        case "aborted": return .aborted
        case "in progress": return nil
        default: return .unknown
        }
    }
}
