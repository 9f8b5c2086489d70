internal import Causality
internal import Hub

/// What an app has pulled up to: 0 or null before its first pull, else a position of the log.
enum SyncTimestamp {
    /// Least that is given out: the client takes 0 for "never".
    static let least = Position(1)

    /// Reads digits, or the literal `null`.
    static func read(_ text: String) throws(SyncProblem) -> Position {
        if text == "null" { return .start }
        let isNumber = !text.isEmpty && text.utf8.count <= 16 && text.utf8.allSatisfy { $0 &- 0x30 < 10 }
        guard isNumber, let number = Int64(text), number < Position.max.microseconds else {
            throw .badField(
                "last_pulled_at must be null, 0, or the whole number that the last pull gave as `timestamp`, just as "
                    + "it was; to pull everything again, send null.")
        }
        return Position(number)
    }

    /// What is given out for the head of a log.
    static func told(_ head: Position) -> Position { max(head, least) }
}
