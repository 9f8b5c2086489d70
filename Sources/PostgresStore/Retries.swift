internal import Foundation

/// How often, and how long, something is tried again.
struct Retries {
    /// Postgres' manual asks for retries without a number; eight with growing pauses outlast any queue of hubs.
    static let attemptsMax = 8

    private var attempts = 1
    private let end: Int64

    /// - Parameter seconds: after these no other attempt is begun: lock timeouts are long.
    init(until seconds: Int) {
        end = MonotonicTime.now + Int64(seconds) * 1_000_000_000
    }

    /// Whether what failed so, and was not done or may be done twice, is to be tried again.
    func mayRetry(_ failure: PostgresFailure) -> Bool {
        guard attempts < Retries.attemptsMax, !isOver else { return false }
        switch failure.kind {
        case .lost: return true
        case .server(let state): return Retries.states.contains(state)
        case .unreachable, .poolExhausted, .restoring, .damaged: return false
        }
    }

    var isOver: Bool { MonotonicTime.now >= end }

    /// Serialization failure (on a standby also a row that is replayed away), deadlock, lock timeout.
    private static let states = PostgresFailure.staleStates.union(["40001", "40P01", "55P03"])

    mutating func note(_ failure: PostgresFailure, in state: Guarded<PostgresStore.State>) {
        attempts += 1
        state.withLock { state in
            switch failure.sqlState {
            case "40001": state.metrics.serializationRetries += 1
            case "40P01": state.metrics.deadlockRetries += 1
            case "55P03": state.metrics.lockTimeoutRetries += 1
            default: state.metrics.connectionRetries += 1
            }
        }
    }

    /// Up to 5 ms, then twice as long each time, up to 320: by chance, so that two that met do not meet again.
    func pause() {
        let most = 0.005 * Double(1 << min(attempts - 2, 6))
        Thread.sleep(forTimeInterval: Double.random(in: 0...most))
    }
}
