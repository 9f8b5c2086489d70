internal import ArgumentParser
internal import CarillonClient
internal import Foundation
internal import Wire

/// `carillon import`: an export into a hub.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Push an export into a hub.",
        discussion: """
            Clocks, hashes, deletions, namespaces and the writers' times stay as they are, and siblings become \
            siblings again; positions are the hub's own, and the author is this device. Importing the same file again \
            does no harm, so an import that broke off is simply run again.

              carillon export --deleted -o all.ndjson --profile old
              carillon import all.ndjson --profile new --device mover

            Exit codes: 0 all is on the hub, in this version or a later one; 1 some is not, or met a concurrent version.
            """)

    @Argument(
        help: "A file of `carillon export` or `carillon pull --json`, or - for standard input.", completion: .file())
    var file: String
    @OptionGroup var push: PushOptions
    @OptionGroup var hub: SpaceOptions

    func run() throws {
        // Before anything is read: what is missing is told first.
        _ = try hub.link(push.device)
        let input = try InputFile.open(file)
        let pusher = push.pusher()
        let reader = ImportReader(descriptor: input, linesMax: push.batch)
        let report = PushReport(isJSON: push.json, sizeOfInput: InputFile.size(of: input))
        var siblings = 0
        pusher.onInputTaken = { reader.room.signal() }
        pusher.onTrouble = { [unowned pusher] trouble in
            if trouble.verdict == .conflict, reader.state.siblingLines.contains(trouble.line) {
                siblings += 1
            } else {
                report.tell(trouble)
            }
            reader.settled(pusher.tally.total)
        }
        pusher.onProgress = { [unowned pusher] in
            report.progress(pusher.tally, bytes: pusher.bytesTaken)
            reader.settled(pusher.tally.total)
        }
        pusher.onLost = { report.lost($0, $1) }
        let wasStopped = try push.run(pusher, hub) { reader.run(into: $0) }
        report.siblingCount = siblings
        report.finish(pusher)
        try conclude(pusher, reader.state, siblings: siblings, wasStopped: wasStopped)
    }

    private func conclude(_ pusher: Pusher, _ found: ImportReader.Found, siblings: Int, wasStopped: Bool) throws {
        if var told = PushOptions.failure(of: pusher) {
            told.remedy = "Import the same file again: what is there already does no harm."
            throw told
        }
        if let sentence = pusher.inputFailure {
            throw CommandFailure(.inputOutput, "Cannot import \(file): \(sentence).")
        }
        if wasStopped { throw ExitCode(130) }
        let lineCount = found.headCount + found.siblingLines.count
        if let closing = found.closing, closing.count != lineCount {
            Terminal.complain("Warning: \(file) should have \(closing.count) changes and has \(lineCount).")
        } else if found.closing == nil {
            Terminal.complain("Note: \(file) has no last line of an export; if it is one, it was cut off.")
        }
        let tally = pusher.tally
        if tally.malformed > 0, tally.malformed == tally.total { throw ExitCode(ExitStatus.badInput.rawValue) }
        if tally.rejected > 0 || tally.conflict > siblings { throw ExitCode(ExitStatus.notAccepted.rawValue) }
    }
}
