internal import CarillonClient
internal import Causality
internal import Foundation
internal import Wire

/// Prints what a link hears, and keeps the cursor of what was printed.
final class Tail: HubLinkDelegate {
    /// Why it ended, other than as it was asked to.
    private(set) var failure: (any Error)?

    private let printer: EntryPrinter
    private let keeper: CursorKeeper
    private let countMax: Int?
    private let endsWhenSynced: Bool
    private var printedCount = 0
    private var out: [UInt8] = []
    private var isBroken = false

    init(printer: EntryPrinter, file: StateFile, countMax: Int?, endsWhenSynced: Bool) {
        self.printer = printer
        keeper = CursorKeeper(file)
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
        keeper.forget()
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
        keep(link) { () throws(CommandFailure) in try keeper.timerFired(link) }
    }

    // MARK: The cursor

    private func moved(to cursor: Cursor, _ link: HubLink) {
        keep(link) { () throws(CommandFailure) in try keeper.move(to: cursor, link) }
    }

    private func keep(_ link: HubLink, _ body: () throws(CommandFailure) -> Void) {
        do throws(CommandFailure) {
            try body()
        } catch {
            // Not by `end`: it would save again.
            if failure == nil { failure = error }
            link.finish()
        }
    }

    private func end(_ link: HubLink, _ error: (any Error)? = nil) {
        if failure == nil { failure = error }
        keep(link) { () throws(CommandFailure) in try keeper.save(link) }
        link.finish()
    }
}
