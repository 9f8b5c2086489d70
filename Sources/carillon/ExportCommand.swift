internal import ArgumentParser
internal import CarillonClient
internal import Foundation

/// `carillon export`: all records, as a stream of lines.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write all records as NDJSON.",
        discussion: """
            One record per line in the order of the log, siblings marked, bodies byte for byte; the last line names a \
            cursor, from which a pull or a tail goes on, and the count, without which the export is not whole. A file \
            is written beside its place and moved there when it is whole.

              carillon export -o backup.ndjson --deleted
              carillon export --kind note | jq -c 'select(.body)'
            """)

    @OptionGroup var filters: FilterOptions
    @Flag(help: "Deletions too, as a copy that is to be imported needs them.")
    var deleted = false
    @Option(name: [.customShort("o"), .long], help: "Write to this file.", completion: .file())
    var output: String?
    @OptionGroup var hub: SpaceOptions

    func validate() throws {
        guard filters.isExact else {
            throw ValidationError("A name with a comma cannot be filtered by here; use `tail --json --until-synced`.")
        }
    }

    func run() throws {
        let rest = try hub.rest()
        var query = filters.query
        if deleted { query.append(("deleted", "true")) }
        let draft = try output.map { try DraftFile($0) }
        let signals = draft.map { draft in
            StopSignals { [path = draft.draftPath] in
                unlink(path)
                _exit(130)
            }
        }
        var lines = ExportStream()
        let progress = ExportProgress(isShown: Terminal.errorIsTerminal && !(draft == nil && Terminal.outputIsTerminal))
        do {
            try rest.stream(["v1", "export"], query: query, accept: "application/x-ndjson") { bytes in
                lines.take(bytes)
                if let draft { try draft.write(bytes) } else { try Output.write(Array(bytes)) }
                progress.show(lines)
            }
        } catch let error as ClientError {
            progress.clear()
            var failure = CommandFailure(error)
            if lines.lineCount > 0 { failure = broken(lines, error.sentence) }
            throw failure
        }
        progress.clear()
        withExtendedLifetime(signals) {}
        guard let closing = lines.closing else { throw broken(lines, "its last line is missing") }
        try draft?.finish()
        Terminal.complain(
            "\(closing.count) \(closing.count == 1 ? "change" : "changes"). Go on from here: --cursor \(closing.cursor)"
        )
    }

    private func broken(_ lines: ExportStream, _ reason: String) -> CommandFailure {
        CommandFailure(
            .temporary, "The export broke off after \(lines.lineCount) lines: \(reason)",
            remedy: output == nil ? "What was written is not whole. Export again." : "Nothing was kept. Export again.")
    }
}

/// A file that appears in its place when it is whole.
final class DraftFile {
    private let path: String
    let draftPath: String
    private let descriptor: Int32
    private var isFinished = false

    init(_ path: String) throws {
        self.path = path
        draftPath = "\(path).\(getpid()).draft"
        descriptor = open(draftPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DraftFile.failure(draftPath) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let count = Foundation.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw DraftFile.failure(draftPath) }
            done += count
        }
    }

    func finish() throws {
        guard fsync(descriptor) == 0, rename(draftPath, path) == 0 else { throw DraftFile.failure(path) }
        isFinished = true
    }

    deinit {
        close(descriptor)
        if !isFinished { unlink(draftPath) }
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure(.inputOutput, "Cannot write \(path): \(String(cString: strerror(errno))).")
    }
}

/// How far an export is, for who watches.
final class ExportProgress {
    private let isShown: Bool
    private var shownAt = Date.distantPast
    private let startedAt = Date()

    init(isShown: Bool) { self.isShown = isShown }

    /// At most ten times a second.
    func show(_ lines: ExportStream) {
        guard isShown, Date().timeIntervalSince(shownAt) > 0.1 else { return }
        shownAt = Date()
        let seconds = max(0.1, shownAt.timeIntervalSince(startedAt))
        let told = String(
            format: "%d records, %.1f MB, %.0f a second", lines.lineCount, Double(lines.byteCount) / 1e6,
            Double(lines.lineCount) / seconds)
        Terminal.write(toError: "\r\u{1b}[K\(told)")
    }

    func clear() {
        if isShown { Terminal.write(toError: "\r\u{1b}[K") }
    }
}
