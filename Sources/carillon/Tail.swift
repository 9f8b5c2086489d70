internal import CarillonClient
internal import Causality
internal import Foundation
internal import Wire

/// Prints what a link hears, and keeps the cursor of what was printed.
final class Tail: HubLinkDelegate {
    /// Between two saves of the cursor: each is a write and a sync.
    private static let saveNanoseconds: UInt64 = 500_000_000
    private static let saveToken: UInt64 = 1

    /// Why it ended, other than as it was asked to.
    private(set) var failure: (any Error)?

    private let printer: EntryPrinter
    private let file: StateFile
    private let countMax: Int?
    private let endsWhenSynced: Bool
    private var printedCount = 0
    /// Everything up to here is out.
    private var printed: Cursor?
    private var saved: Cursor?
    private var savedAt: UInt64 = 0
    private var isSaveDue = false
    private var out: [UInt8] = []
    private var isBroken = false

    init(printer: EntryPrinter, file: StateFile, countMax: Int?, endsWhenSynced: Bool) {
        self.printer = printer
        self.file = file
        self.countMax = countMax
        self.endsWhenSynced = endsWhenSynced
    }

    func linkOpened(_ link: HubLink, _ welcome: Welcome) {
        if isBroken { Terminal.complain("Connected again.") }
        isBroken = false
    }

    func link(_ link: HubLink, heard entries: [LogEntry], upTo cursor: Cursor) {
        var place = cursor
        out.removeAll(keepingCapacity: true)
        for entry in entries {
            printer.append(entry, into: &out)
            printedCount += 1
            guard printedCount == countMax else { continue }
            // The frame goes on, but the next tail begins behind what was printed.
            place = Cursor(generation: cursor.generation, spaceTag: cursor.spaceTag, position: entry.position)
            break
        }
        do {
            try Output.write(out)
        } catch {
            end(link, error)
            return
        }
        moved(to: place, link)
        if let countMax, printedCount >= countMax { end(link) }
    }

    func link(_ link: HubLink, syncedTo cursor: Cursor) {
        moved(to: cursor, link)
        if endsWhenSynced { end(link) }
    }

    func link(_ link: HubLink, failed error: ErrorFrame) {
        Terminal.complain("The hub: \(error.message) [\(error.code.rawValue)]")
    }

    func linkRestarted(_ link: HubLink) {
        (printed, saved) = (nil, nil)
        Terminal.complain("The hub's log began anew or no longer reaches back to our cursor: reading all of it.")
    }

    func link(_ link: HubLink, lost error: ClientError, retrySeconds: Double?) {
        guard let retrySeconds else {
            end(link, CommandFailure(error))
            return
        }
        isBroken = true
        Terminal.complain(error.sentence + String(format: " Trying again in %.1f s.", retrySeconds))
    }

    func link(_ link: HubLink, note: any Sendable) {
        if note is StopNote { end(link) }
    }

    func link(_ link: HubLink, timer token: UInt64) {
        isSaveDue = false
        save(link)
    }

    // MARK: The cursor

    private func moved(to cursor: Cursor, _ link: HubLink) {
        printed = cursor
        if savedAt == 0 || link.now - savedAt >= Tail.saveNanoseconds {
            save(link)
        } else if !isSaveDue {
            isSaveDue = true
            link.schedule(afterMilliseconds: 500, token: Tail.saveToken)
        }
    }

    /// What is printed is saved, and what is saved is acknowledged: in this order nothing is ever lost.
    private func save(_ link: HubLink) {
        guard let printed, printed != saved else { return }
        do throws(StateFile.Failure) {
            try file.save(printed)
        } catch {
            end(link, CommandFailure(.inputOutput, "\(error.sentence).", remedy: "Name another file with --state."))
            return
        }
        saved = printed
        savedAt = link.now
        link.send(.ack(cursor: printed))
    }

    private func end(_ link: HubLink, _ error: (any Error)? = nil) {
        if failure == nil { failure = error }
        // Without this check a state file that cannot be written would end the tail again and again.
        if !(error is CommandFailure) { save(link) }
        link.finish()
    }
}
