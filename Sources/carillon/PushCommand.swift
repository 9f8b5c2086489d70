internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Foundation

/// `carillon push`: NDJSON to the hub.
struct PushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Push changes, one JSON object per line.",
        discussion: """
            Each line is a change: {"kind", "id", "body"}, and if wanted "namespace", "clock", "hash", "deleted", \
            "updated_at", "schema_version", "embedding", "supersedes", "visibility" (private, team_read, \
            team_write). The body arrives at every other device byte for byte.

            A line without a clock gets {replica: now}: it comes after what this device pushed before, and knows nothing \
            of other devices' versions, so that it stands beside them as a conflict. With --update it is an edit of the \
            version that the hub holds when it is read (one request a line). A program that read a version and edits it \
            names that one in "supersedes": what came meanwhile is then not overwritten but a conflict, or merged.

              carillon push notes.ndjson --device laptop
              echo '{"kind":"note","id":"1","body":1}' | carillon push --device laptop
              carillon push people.ndjson --kind person --batch 1000 --device laptop
              echo '{"kind":"note","id":"1","body":2}' | carillon push --update --device phone
              carillon get note 1 --json | jq -c '.head | {kind, id, body: (.body + 1), supersedes: [.clock]}' |
                carillon push --device phone

            Exit codes: 0 all accepted or known already, 1 some were not, 64 usage, 65 no line is a change, \
            69 hub unavailable, 74 the input cannot be read, 75 the hub cannot just now, 77 not authorised, \
            130 interrupted.
            """)

    @Argument(help: "An NDJSON file, or - for standard input.", completion: .file())
    var file = "-"
    @OptionGroup var push: PushOptions
    @Option(help: "The kind of lines that name none.", transform: { try Names.identifier($0, "kind") })
    var kind: Identifier?
    @Flag(help: "Lines without a clock are edits of what the hub holds, whoever wrote it.")
    var update = false
    @Flag(help: "All lines or none, in one push: 10,000 lines and 12 MiB at most.")
    var atomic = false
    @Flag(help: "These versions win over whatever is stored.")
    var force = false
    @OptionGroup var hub: SpaceOptions

    func run() throws {
        // Before anything is read: what is missing is told first.
        _ = try hub.link(push.device)
        let input = try InputFile.open(file)
        let pusher = push.pusher(pusherConfiguration)
        let report = PushReport(isJSON: push.json, sizeOfInput: InputFile.size(of: input))
        let reader = InputReader(
            descriptor: input, linesMax: atomic ? 10_000 : push.batch, isWhole: atomic,
            held: update ? try held() : nil)
        pusher.onInputTaken = { reader.room.signal() }
        pusher.onTrouble = { report.tell($0) }
        pusher.onProgress = { [unowned pusher] in report.progress(pusher.tally, bytes: pusher.bytesTaken) }
        pusher.onLost = { report.lost($0, $1) }
        let wasStopped = try push.run(pusher, hub) { reader.run(into: $0) }
        report.finish(pusher)
        try conclude(pusher, wasStopped: wasStopped)
    }

    private func held() throws -> HeldVersions {
        var held = HeldVersions(try hub.rest(), kind: kind)
        if push.wait { held.triesMax = nil }
        return held
    }

    private var pusherConfiguration: Pusher.Configuration {
        var configuration = Pusher.Configuration()
        configuration.kind = kind
        configuration.isAtomic = atomic
        configuration.isForced = force
        return configuration
    }

    private func conclude(_ pusher: Pusher, wasStopped: Bool) throws {
        if var told = PushOptions.failure(of: pusher) {
            if pusher.unanswered > 0 {
                told.sentence +=
                    " \(pusher.unanswered) changes have no answer: push the same file again, it does no harm."
            }
            throw told
        }
        if let sentence = pusher.inputFailure {
            throw CommandFailure(atomic ? .badInput : .inputOutput, "Cannot push \(file): \(sentence).")
        }
        if wasStopped { throw ExitCode(130) }
        let tally = pusher.tally
        if tally.malformed > 0, tally.malformed == tally.total || atomic {
            throw ExitCode(ExitStatus.badInput.rawValue)
        }
        if tally.conflict > 0, !push.json {
            Terminal.complain(
                "See both sides with `carillon conflicts`; "
                    + (update ? "they were edited meanwhile." : "push --update edits what the hub holds."))
        }
        if !tally.isAllAccepted { throw ExitCode(ExitStatus.notAccepted.rawValue) }
    }
}
