internal import Causality
internal import Storage

/// A push on its way through a lane.
struct PendingPush: Sendable {
    var submission: Submission
    /// Called on the lane's queue when the outcome is certain: after the commit, or when nothing was written.
    var answer: @Sendable (Result<[ItemResult], StoreError>) -> Void
    /// What it keeps in memory: the message that its bodies are slices of, or what was decoded, if that is more.
    let bytes: Int
    /// Uptime in nanoseconds when it came.
    let arrivedAt = WallClock.uptime
    /// What a stored version that a resolve keeps counts, before anybody knows its size: 256 KiB, so that a resolve of
    /// the most resolutions fills a transaction.
    private static let keptBytesEstimate = 256 << 10

    init(
        _ submission: Submission, messageBytes: Int,
        answer: @escaping @Sendable (Result<[ItemResult], StoreError>) -> Void
    ) {
        self.submission = submission
        self.answer = answer
        let kept = submission.settlements.count { $0.keeps != nil }
        bytes =
            max(messageBytes, submission.changes.reduce(0) { $0 + $1.encodedBytesEstimate })
            + kept * PendingPush.keptBytesEstimate
    }
}
