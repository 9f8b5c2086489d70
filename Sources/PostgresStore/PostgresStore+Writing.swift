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
                attempt = .failed(error)
            }
            let failure: PostgresFailure
            switch attempt {
            case .done(let value): return value
            case .refused(let error): throw error
            case .movedElsewhere:
                try renewIfElsewhere()
                failure = PostgresFailure(kind: .lost, message: "its log seems to move from server to server.")
            case .failed(let reason): failure = reason
            case .unanswered(let value, let commit, let reason):
                switch outcome(of: commit) {
                case .committed:
                    state.withLock { $0.metrics.commits += 1 }
                    return value
                case .unknown: throw .outcomeUnknown("The answer to a commit was lost: \(reason.message)")
                case .aborted: failure = reason
                }
            }
            guard retries.mayRetry(failure) else { throw StoreError(failure) }
            retries.note(failure, in: state)
            retries.pause()
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
            let isCommitted = try transaction.finish()
            if isCommitted { state.withLock { $0.metrics.commits += 1 } }
            return .done(value)
        } catch {
            transaction.rollBack()
            if error.isLost, transaction.isCommitSent {
                return .unanswered(value, SentCommit(transaction), error)
            }
            return .failed(error)
        }
    }

    /// Nothing of the caller's is written by it, whatever becomes of its own commit.
    func renewIfElsewhere() throws(StoreError) {
        let count = state.withLock { $0.lifeCount }
        do {
            let generation = try change { (connection) throws(PostgresFailure) in
                try OpenedSchema.renew(
                    on: connection, lockKey: self.lockKey, life: self.life, onlyIfElsewhere: true)
            }
            log("The log lives elsewhere than it was written, and has the new generation \(generation.text).")
            state.withLock { $0.note(generation, seenAt: count) }
        } catch .outcomeUnknown(let reason) {
            throw .unavailable(reason)
        }
    }
}
