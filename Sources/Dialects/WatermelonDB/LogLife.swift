internal import Causality
internal import Storage
internal import Wire

/// Which lives of the log a device's timestamps come from. A timestamp is a bare position: after the store was brought
/// back to an earlier state, one of before may lie where another log has grown since.
///
/// Kept in the device's ``SyncNote``: `GENERATION`, the life that it pulls from; once that was renewed, `GENERATION FIRST
/// BEGUN`: it was given the whole new log at position FIRST, at the time BEGUN. Positions count the time, so what the
/// new life gave out later is beyond both.
struct LogLife: Equatable {
    let generation: Generation
    private var renewal: Renewal?

    var isRenewed: Bool { renewal != nil }

    private struct Renewal: Equatable {
        let first: Position
        let begun: Position
    }

    /// The life of a device that comes with a timestamp of it.
    init(_ generation: Generation) {
        self.generation = generation
    }

    /// The life after another one, given out as a whole at `first`.
    init(_ generation: Generation, renewedAt first: Position, now: Position) {
        self.generation = generation
        renewal = Renewal(first: first, begun: now)
    }

    /// Whether a timestamp of the device, not beyond the log's head, is of this life.
    func holds(_ timestamp: Position) -> Bool {
        guard let renewal, timestamp != renewal.first else { return true }
        return timestamp > renewal.first && timestamp >= renewal.begun
    }

    init?(_ line: some StringProtocol) {
        let parts = line.split(separator: " ")
        guard let value = parts.first.flatMap({ UInt64($0, radix: 16) }) else { return nil }
        generation = Generation(value)
        guard parts.count == 3, let first = Int64(parts[1]), let begun = Int64(parts[2]) else { return }
        renewal = Renewal(first: Position(first), begun: Position(begun))
    }

    var line: String {
        var text = String(generation.value, radix: 16)
        if let renewal { text += " \(renewal.first) \(renewal.begun)" }
        return text
    }
}
