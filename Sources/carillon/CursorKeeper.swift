internal import CarillonClient
internal import Wire

/// Saves how far a tail has come: what is worked off is saved, and what is saved is acknowledged. In this order nothing
/// is ever lost.
final class CursorKeeper {
    /// Between two saves of the cursor: each is a write and a sync.
    private static let saveNanoseconds: UInt64 = 500_000_000
    /// The link's timer that ``timerFired(_:)`` is for.
    static let timerToken: UInt64 = 1

    private let file: StateFile
    private var reached: Cursor?
    private var saved: Cursor?
    private var savedAt: UInt64 = 0
    private var isSaveDue = false

    init(_ file: StateFile) {
        self.file = file
    }

    /// All up to `cursor` is worked off. Saves at once, or soon.
    func move(to cursor: Cursor, _ link: HubLink) throws(CommandFailure) {
        guard cursor != reached else { return }
        reached = cursor
        if savedAt == 0 || link.now - savedAt >= CursorKeeper.saveNanoseconds {
            try save(link)
        } else if !isSaveDue {
            isSaveDue = true
            link.schedule(afterMilliseconds: 500, token: CursorKeeper.timerToken)
        }
    }

    func timerFired(_ link: HubLink) throws(CommandFailure) {
        isSaveDue = false
        try save(link)
    }

    func save(_ link: HubLink) throws(CommandFailure) {
        guard let reached, reached != saved else { return }
        try write(reached)
        savedAt = link.now
        link.send(.ack(cursor: reached))
    }

    /// For when there is no link any more.
    func saveAfterEnd(_ cursor: Cursor) throws(CommandFailure) {
        if cursor != saved { try write(cursor) }
    }

    /// The log begins anew: the old cursor is worth nothing.
    func forget() { (reached, saved) = (nil, nil) }

    private func write(_ cursor: Cursor) throws(CommandFailure) {
        do throws(StateFile.Failure) {
            try file.save(cursor)
        } catch {
            throw CommandFailure(.inputOutput, "\(error.sentence).", remedy: "Name another file with --state.")
        }
        saved = cursor
    }
}
