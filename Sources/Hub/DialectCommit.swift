internal import Dispatch
internal import Reactor
public import Storage

/// A commit that is under way, so that its dialect reads on meanwhile.
public final class DialectCommit: Sendable {
    private let ended = DispatchSemaphore(value: 0)
    private let outcome = Guarded<Result<[ItemResult], DialectError>>(.failure(.internal))

    fileprivate init() {}

    fileprivate func end(_ result: Result<[ItemResult], DialectError>) {
        outcome.withLock { $0 = result }
        ended.signal()
    }

    /// Its results. Blocking; to be asked once.
    public func wait() throws(DialectError) -> [ItemResult] {
        ended.wait()
        return try outcome.withLock { $0 }.get()
    }
}

extension DialectDesk {
    /// Begins what ``commit(_:bytes:)`` does and does not wait for it.
    public func begin(_ submission: Submission, bytes: Int) -> DialectCommit {
        let commit = DialectCommit()
        push(submission, bytes: bytes) { commit.end($0) }
        return commit
    }
}
