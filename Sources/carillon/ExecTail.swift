internal import CarillonClient
internal import Causality
internal import Foundation
internal import Wire

/// Runs a command for each change that a link hears, and keeps the cursor of what has succeeded.
final class ExecTail: HubLinkDelegate {
    struct Configuration {
        var jobsMax: Int
        /// Runs again of one change that failed.
        var retriesMax: Int
        var countMax: Int?
        var endsWhenSynced: Bool
    }

    /// A run has ended.
    struct EndNote: Sendable {}

    /// How long a stop waits for the commands that run: as long as most supervisors wait for us, and some less.
    static let stopSeconds = 8
    private static let retryToken: UInt64 = 2
    private static let stopToken: UInt64 = 3

    /// Why it ended, other than as it was asked to.
    private(set) var failure: (any Error)?

    private let command: ShellCommand
    private let configuration: Configuration
    private let keeper: CursorKeeper
    private var schedule: ChangeSchedule
    /// Of what runs: how often it was tried, and its record.
    private var attempts: [Int: (count: Int, name: String)] = [:]
    private var heardCount = 0
    private var isBroken = false
    /// No more is started; what runs may end.
    private var isEnding = false
    private var isSynced = false

    init(_ command: ShellCommand, _ configuration: Configuration, file: StateFile) {
        self.command = command
        self.configuration = configuration
        keeper = CursorKeeper(file)
        schedule = ChangeSchedule(jobsMax: configuration.jobsMax)
    }

    func linkOpened(_ link: HubLink, _ welcome: Welcome) {
        if isBroken { Terminal.complain("Connected again.") }
        isBroken = false
    }

    func link(_ link: HubLink, heard entries: [LogEntry], upTo cursor: Cursor) {
        for entry in entries.prefix((configuration.countMax ?? .max) - heardCount) {
            heardCount += 1
            // Between two changes of a frame there are places too; the frame's own end is behind its last one.
            let isLast = entry.position == entries.last?.position && heardCount != configuration.countMax
            let place = Cursor(generation: cursor.generation, spaceTag: cursor.spaceTag, position: entry.position)
            schedule.append(entry, place: isLast ? cursor : place)
        }
        pump(link)
    }

    func link(_ link: HubLink, syncedTo cursor: Cursor) {
        guard heardCount < configuration.countMax ?? .max else { return }
        schedule.pass(to: cursor)
        isSynced = true
        pump(link)
    }

    func link(_ link: HubLink, failed error: ErrorFrame) {
        Terminal.complain("The hub: \(error.message) [\(error.code.rawValue)]")
    }

    func linkRestarted(_ link: HubLink) {
        schedule.reset()
        keeper.forget()
        Terminal.complain("The hub's log began anew or no longer reaches back to our cursor: running all of it.")
    }

    func link(_ link: HubLink, lost error: ClientError, retrySeconds: Double?) {
        guard let retrySeconds else {
            if failure == nil { failure = CommandFailure(error) }
            return
        }
        isBroken = true
        Terminal.complain(error.sentence + String(format: " Trying again in %.1f s.", retrySeconds))
    }

    func link(_ link: HubLink, note: any Sendable) {
        if note is StopNote { stop(link) }
        if note is EndNote { pump(link) }
    }

    func link(_ link: HubLink, timer token: UInt64) {
        switch token {
        case CursorKeeper.timerToken: keep(link) { () throws(CommandFailure) in try keeper.timerFired(link) }
        case ExecTail.stopToken:
            Terminal.complain(
                "Commands still run after \(ExecTail.stopSeconds) s: ending them. They run again next time.")
            command.signal(SIGTERM)
            finish(link)
        default: pump(link)
        }
    }

    /// Waits for what still runs after the loop has ended by itself, and saves what succeeded.
    func settle() throws {
        guard !isEnding else { return }
        let deadline = Date(timeIntervalSinceNow: Double(ExecTail.stopSeconds))
        while schedule.runningCount > 0, Date() < deadline {
            // The loop that the ends were told to is gone; this is the end of the program and not its work.
            Thread.sleep(forTimeInterval: 0.02)
            for end in command.takeEnds() where end.trouble == nil { schedule.succeeded(end.number) }
        }
        if schedule.runningCount > 0 { command.signal(SIGTERM) }
        if let cursor = schedule.cursor { try keeper.saveAfterEnd(cursor) }
    }

    // MARK: Work

    private func pump(_ link: HubLink) {
        for end in command.takeEnds() { take(end, link) }
        while !isEnding, let job = schedule.next(now: link.now) { start(job) }
        if let cursor = schedule.cursor {
            keep(link) { () throws(CommandFailure) in try keeper.move(to: cursor, link) }
        }
        if isEnding {
            if schedule.runningCount == 0 { finish(link) }
            return
        }
        let isCounted = heardCount >= configuration.countMax ?? .max
        if schedule.isEmpty, isCounted || isSynced && configuration.endsWhenSynced {
            finish(link)
        } else if isCounted || schedule.isFull {
            link.pause()
        } else if schedule.hasRoom {
            link.resume()
        }
    }

    private func start(_ job: ChangeSchedule.Job) {
        var input: [UInt8] = []
        EntryPrinter(isJSON: true).append(job.entry, into: &input)
        let change = job.entry.change
        let variables = [
            ("CARILLON_KIND", change.kind.text), ("CARILLON_ID", change.id.text),
            ("CARILLON_NAMESPACE", change.namespace.text),
            ("CARILLON_POSITION", String(job.entry.position.microseconds)),
            ("CARILLON_DELETED", change.isDeleted ? "1" : "0"), ("CARILLON_SIBLING", job.entry.isSibling ? "1" : "0"),
            ("CARILLON_AUTHOR", job.entry.author.text), ("CARILLON_ATTEMPT", String(job.attempt)),
        ]
        attempts[job.number] = (job.attempt, "\(change.kind)/\(change.id)")
        command.start(job.number, variables: variables, input: input)
    }

    private func take(_ end: ShellCommand.End, _ link: HubLink) {
        guard let attempt = attempts.removeValue(forKey: end.number) else { return }
        guard let trouble = end.trouble else {
            schedule.succeeded(end.number)
            return
        }
        let wait = ExecTail.waitSeconds(beforeRetry: attempt.count)
        schedule.failed(end.number, notBefore: link.now + UInt64(wait * 1e9))
        // A stop interrupts: no reason to complain, and the change comes again.
        guard !isEnding else { return }
        guard attempt.count <= configuration.retriesMax else {
            let times = attempt.count == 1 ? "" : " \(attempt.count) times"
            failure = CommandFailure(
                .commandFailed, "The command failed\(times) for \(attempt.name): \(trouble).",
                remedy: "Mend it and start the tail again: it goes on with this change.")
            stop(link)
            return
        }
        Terminal.complain(
            "The command failed for \(attempt.name): \(trouble)." + String(format: " Trying again in %.1f s.", wait))
        link.schedule(afterMilliseconds: Int(wait * 1_000) + 1, token: ExecTail.retryToken)
    }

    /// Half a second, doubled each time up to a minute, and up to half of it less, so that jobs that failed together do
    /// not try together.
    private static func waitSeconds(beforeRetry number: Int) -> Double {
        let whole = min(60, 0.5 * pow(2, Double(min(number, 16) - 1)))
        return Double.random(in: whole / 2...whole)
    }

    // MARK: The end

    /// Starts no more, and ends when what runs has.
    private func stop(_ link: HubLink) {
        guard !isEnding else { return }
        isEnding = true
        link.pause()
        link.schedule(afterMilliseconds: ExecTail.stopSeconds * 1_000, token: ExecTail.stopToken)
        guard schedule.runningCount > 0 else {
            finish(link)
            return
        }
        let what = schedule.runningCount == 1 ? "the command that runs" : "\(schedule.runningCount) commands that run"
        Terminal.complain("Waiting for \(what), \(ExecTail.stopSeconds) s at most.")
    }

    private func finish(_ link: HubLink) {
        isEnding = true
        keep(link) { () throws(CommandFailure) in try keeper.save(link) }
        // The hub's last words are to be read.
        link.resume()
        link.finish()
    }

    private func keep(_ link: HubLink, _ body: () throws(CommandFailure) -> Void) {
        do throws(CommandFailure) {
            try body()
        } catch {
            if failure == nil { failure = error }
            isEnding = true
            link.finish()
        }
    }
}
