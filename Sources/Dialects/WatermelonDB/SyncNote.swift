internal import Causality
internal import Hub
internal import Storage

/// What the hub remembers of a device, for an app that ends between applying a pull and keeping its timestamp comes
/// again with the one of before.
///
/// Lines: the ``LogLife``; `created POSITION`; `first POSITION POSITION`.
struct SyncNote: Equatable {
    private static let name = WatermelonDBDialect.namespace.text

    private(set) var life: LogLife?
    /// Rows up to here may have been given to the device as created.
    private(set) var createdUpTo = Position.start
    /// Timestamps of the first pulls, the first and the last one, until the device comes with one. Deletions between
    /// them are of rows that it may have kept, and a first pull tells of none.
    private(set) var firstPulls: ClosedRange<Position>?

    static func read(of caller: SyncCaller, _ desk: DialectDesk) throws -> SyncNote {
        try desk.store.accounts.note(name, device: caller.device.id, of: caller.account.user.id)
            .map { SyncNote(text: $0) } ?? SyncNote()
    }

    func keep(of caller: SyncCaller, _ desk: DialectDesk) throws {
        try desk.store.accounts.keepNote(
            Array(text.utf8), SyncNote.name, device: caller.device.id, of: caller.account.user.id)
    }

    /// After which position a device with this timestamp may have missed deletions; nil where it has not.
    func missed(before since: Position) -> Position? {
        guard let firstPulls, since > firstPulls.lowerBound, since <= firstPulls.upperBound else { return nil }
        return firstPulls.lowerBound
    }

    /// - Parameter isKnown: whether the device's timestamp is of this life.
    mutating func enter(_ generation: Generation, told: Position, isKnown: Bool, now: Position) {
        if isKnown, life == nil || life?.generation == generation {
            life = life ?? LogLife(generation)
            return
        }
        // Whose answer was lost comes again with a timestamp of before, and is told by the note.
        guard life?.generation != generation || life?.isRenewed == false else { return }
        self = SyncNote()
        life = LogLife(generation, renewedAt: told, now: now)
    }

    /// Records the answer to a pull, before it goes out.
    mutating func record(_ query: PullQuery, _ mode: WatermelonDBDialect.PullMode, told: Position, hasCreated: Bool) {
        switch mode {
        case .first:
            let first = firstPulls?.lowerBound ?? told
            firstPulls = first...max(told, first)
        case .incremental:
            if hasCreated { createdUpTo = max(createdUpTo, told) }
            guard let pulls = firstPulls else { return }
            let hasMissedNone = pulls.lowerBound == pulls.upperBound && query.since >= pulls.lowerBound
            if hasMissedNone || query.since > pulls.upperBound { firstPulls = nil }
        case .replacement: firstPulls = nil
        }
    }

    private init() {}

    init(text: [UInt8]) {
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ")
            let positions = parts.dropFirst().compactMap { Int64($0) }.map { Position($0) }
            switch parts.first {
            case "created": createdUpTo = positions.first ?? .start
            case "first" where positions.count == 2 && positions[0] <= positions[1]:
                firstPulls = positions[0]...positions[1]
            default: life = LogLife(line)
            }
        }
    }

    private var text: String {
        var lines: [String] = []
        if let life { lines.append(life.line) }
        if createdUpTo > .start { lines.append("created \(createdUpTo)") }
        if let firstPulls { lines.append("first \(firstPulls.lowerBound) \(firstPulls.upperBound)") }
        return lines.joined(separator: "\n")
    }
}
