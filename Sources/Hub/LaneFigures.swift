internal import Causality
internal import Storage

/// What one lane counts, under its lock: once for a transaction.
struct LaneFigures: Sendable {
    /// What became of an item: a verdict, or why it has none.
    static let outcomes = Verdict.allCases.map(\.rawValue) + ["refused"]

    var commits = 0
    var failures = 0
    var pushes = 0
    var outcomes = [Int](repeating: 0, count: LaneFigures.outcomes.count)
    var commit = LatencyHistogram()
    /// From the push's frame or request to its answer.
    var push = LatencyHistogram()
    // How things are.
    var waitingPushes = 0
    var waitingBytes = 0

    mutating func count(_ results: [ItemResult]) {
        for result in results {
            if case .verdict(let verdict, _) = result.decision {
                // As `outcomes` names them.
                switch verdict {
                case .accepted: outcomes[0] &+= 1
                case .duplicate: outcomes[1] &+= 1
                case .stale: outcomes[2] &+= 1
                case .conflict: outcomes[3] &+= 1
                }
            } else {
                outcomes[4] &+= 1
            }
        }
    }

    mutating func add(_ other: LaneFigures) {
        commits &+= other.commits
        failures &+= other.failures
        pushes &+= other.pushes
        for outcome in outcomes.indices { outcomes[outcome] &+= other.outcomes[outcome] }
        commit.add(other.commit)
        push.add(other.push)
        waitingPushes += other.waitingPushes
        waitingBytes += other.waitingBytes
    }
}
