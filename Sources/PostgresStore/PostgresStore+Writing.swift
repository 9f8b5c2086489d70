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
            case .unanswered(let value, let commit, let failure):
                switch outcome(of: commit) {
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
        case unanswered(Value, SentCommit, PostgresFailure)
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
                return .unanswered(value, SentCommit(transaction), error)
            }
            return .failed(error)
        }
    }

    private func renewIfElsewhere() throws(StoreError) {
        let generation = try change { (connection) throws(PostgresFailure) in
            try OpenedSchema.renew(
                on: connection, lockKey: self.lockKey, life: self.life, onlyIfElsewhere: true)
        }
        log("The log lives elsewhere than it was written, and has the new generation \(generation.text).")
        state.withLock { $0.generation = generation }
    }
}
