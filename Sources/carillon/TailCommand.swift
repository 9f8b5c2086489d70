internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Cryptography
internal import Foundation
internal import Reactor
internal import Storage
internal import Wire

/// `carillon tail`: the log as it grows.
struct TailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Follow changes as they come, for ever.",
        discussion: """
            Prints every change that other devices push, in the log's order. Keeps its cursor in a state file, comes \
            back by itself when the hub was away, and goes on where it stopped: no gap, nothing twice. The first time \
            it begins at the log's beginning.

              carillon tail --device phone
              carillon tail --device phone --kind note --since 10m
              carillon tail --device backup --json >> changes.ndjson
              carillon tail --device check --from-start --until-synced --json
              carillon tail --device mailer --kind note --exec './send.sh "$CARILLON_ID"'

            With --exec a command runs once per change, by /bin/sh, the change as JSON on its standard input, and in its \
            environment CARILLON_KIND, CARILLON_ID, CARILLON_NAMESPACE, CARILLON_POSITION, CARILLON_DELETED (1 or 0), \
            CARILLON_SIBLING (1 for a concurrent version), CARILLON_AUTHOR and CARILLON_ATTEMPT. The cursor moves \
            when the command has succeeded, so after a crash a change may come twice, and never not at all. A command \
            that fails is run again, later each time; past --retries the tail ends with 70, its cursor before that \
            change.

            Ends with 0 on SIGINT and SIGTERM, its cursor saved; commands that run have 8 seconds to end. A second \
            signal ends them and the tail at once. After kill -9 of the tail a command that ran then may still run \
            while the next tail runs it again: where that must not be, let the command lock (see flock(1)).
            """)

    @OptionGroup var device: DeviceOption
    @OptionGroup var filters: FilterOptions
    @Option(help: "Begin at 10m, 2h, 1d ago, at an ISO 8601 time, or at 0, the beginning.")
    var since: String?
    @Flag(help: "Begin at the log's beginning, whatever the state file says.")
    var fromStart = false
    @Option(
        help: ArgumentHelp(
            "Where the cursor is kept. Else a file per hub, key, device and filters in ~/.local/state/carillon.",
            valueName: "file"),
        completion: .file())
    var state: String?
    @Option(help: ArgumentHelp("End after so many changes.", valueName: "n"))
    var count: Int?
    @Flag(help: "End when all that the log holds was printed.")
    var untilSynced = false
    @Flag(help: "One JSON object per line, bodies byte for byte.")
    var json = false
    @Option(
        help: ArgumentHelp("Run this by /bin/sh for each change instead of printing it.", valueName: "command"),
        completion: .shellCommand("compgen -c"))
    var exec: String?
    @Option(help: ArgumentHelp("Commands at once, 1 to 64; changes of one record stay in order.", valueName: "n"))
    var jobs: Int?
    @Option(help: ArgumentHelp("Times that a failed command is run again, 5 unless told.", valueName: "n"))
    var retries: Int?
    @OptionGroup var link: LinkOptions
    @OptionGroup var hub: SpaceOptions

    func validate() throws {
        if exec == nil, jobs != nil || retries != nil { throw ValidationError("--jobs and --retries are for --exec.") }
        if exec != nil, json { throw ValidationError("--exec prints nothing; its command gets JSON.") }
        if let exec, exec.isEmpty || exec.utf8.contains(0) { throw ValidationError("--exec is a shell command.") }
        if let jobs, !(1...64).contains(jobs) { throw ValidationError("--jobs is a number from 1 to 64.") }
        if let retries, retries < 0 { throw ValidationError("--retries is a number from 0.") }
        if let count, count < 1 { throw ValidationError("--count is a number from 1.") }
        if since != nil, fromStart { throw ValidationError("--since and --from-start exclude each other.") }
        if let since, SinceTime.parse(since, now: Clock.now) == nil {
            throw ValidationError("--since is 10m, 2h, 1d, an ISO 8601 time or 0, and not \"\(since)\".")
        }
        if filters.kinds.count > 64 || filters.namespaces.count > 64 {
            throw ValidationError("64 kinds and 64 namespaces at most.")
        }
    }

    func run() throws {
        var configuration = try hub.link(device)
        link.fill(&configuration)
        configuration.kinds = filters.kinds
        configuration.namespaces = filters.namespaces
        let file = StateFile(
            path: state
                ?? TailState.path(
                    configuration.url, key: configuration.key, configuration.device, configuration.space, filters))
        let start = try start(file)
        if let exec {
            try follow(configuration, from: start, running: exec, file)
        } else {
            try follow(configuration, from: start, file)
        }
    }

    private func follow(_ configuration: HubLinkConfiguration, from start: Cursor?, _ file: StateFile) throws {
        let tail = Tail(
            printer: EntryPrinter(isJSON: json), file: file, countMax: count, endsWhenSynced: untilSynced)
        try LinkSession.run(configuration, from: start, delegate: tail, ready: { _ in })
        if let failure = tail.failure { throw failure }
    }

    private func follow(
        _ configuration: HubLinkConfiguration, from start: Cursor?, running exec: String, _ file: StateFile
    ) throws {
        let link = Guarded<LoopAddress<HubLink.Mail>?>(nil)
        let command = ShellCommand(exec) { link.withLock { $0 }?.post(.note(ExecTail.EndNote())) }
        let work = ExecTail.Configuration(
            jobsMax: jobs ?? 1, retriesMax: retries ?? 5, countMax: count, endsWhenSynced: untilSynced)
        let tail = ExecTail(command, work, file: file)
        try LinkSession.run(
            configuration, from: start, delegate: tail, atOnce: { command.signal(SIGTERM) },
            ready: { address in link.withLock { $0 = address } })
        try tail.settle()
        if let failure = tail.failure { throw failure }
    }

    private func start(_ file: StateFile) throws -> Cursor? {
        if fromStart { return nil }
        if let since, let time = SinceTime.parse(since, now: Clock.now) { return try cursor(at: time) }
        do throws(StateFile.Failure) {
            return try file.load()
        } catch {
            throw CommandFailure(
                .inputOutput, "\(error.sentence).",
                remedy: "Begin anew with --from-start, or name another with --state.")
        }
    }

    /// Positions are microseconds since 1970, so a time is a place in the log; a cursor past its head would be none.
    private func cursor(at time: Int64) throws -> Cursor? {
        struct Answer: Decodable { var cursor: String }
        let rest = try hub.rest()
        // As the link itself does: a hub that is away now comes back.
        let bytes = try Patience.asking { () throws(ClientError) in try rest.get(["v1", "status"]) }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(bytes)),
            let head = try? Cursor(parsing: answer.cursor)
        else { throw CommandFailure(.hubUnavailable, "The hub's status names no cursor.") }
        let position = min(head.position, Position(time))
        return position == .start
            ? nil : Cursor(generation: head.generation, spaceTag: head.spaceTag, position: position)
    }
}

/// Where tails keep their cursors unless told.
enum TailState {
    static var folder: String { Environment.folder("XDG_STATE_HOME", inHome: ".local/state") + "/carillon" }

    static func path(_ url: HubURL, key: String, _ device: Identifier, _ space: Identifier?, _ filters: FilterOptions)
        -> String
    {
        // The key's visible prefix: the secret is no part of a file's name, hashed or not.
        var parts = [url.description, String(key.prefix(12)), device.text, "kinds"]
        parts += filters.kinds.map(\.text).sorted()
        parts.append("namespaces")
        parts += filters.namespaces.map(\.text).sorted()
        if let space { parts += ["space", space.text] }
        let name = Digest.hex(Digest.sha256(Array(parts.joined(separator: "\n").utf8)).prefix(12))
        return "\(folder)/tail-\(name).json"
    }
}
