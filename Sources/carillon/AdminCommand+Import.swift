internal import ArgumentParser
internal import CarillonClient
internal import Dispatch
internal import Foundation
internal import Reactor
internal import SQLiteStore
internal import Storage
internal import Wire

extension AdminCommand {
    /// `carillon admin import`: an export into an empty store.
    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fill an empty store with an export.",
            discussion: """
                Positions, siblings, keys, devices and cursors are the same as before, so that devices go on where they \
                were: stop the old hub before the export, and start no other one on the old store afterwards. The store \
                is not served before the export's last line was found right; an import that breaks off is begun anew.

                An export that is older than what devices have seen is a backup: --new-life tells them to resync.

                  carillon admin import all.ndjson --data /var/lib/carillon
                  CARILLON_STORE=postgres://carillon@db.example/carillon carillon admin import all.ndjson

                Exit codes: 0 all is there; 1 the store is not empty; 65 the export is damaged or none.
                """)

        @Argument(help: "A file of `carillon admin export`, or - for standard input.", completion: .file())
        var file: String
        @OptionGroup var store: StoreOptions
        @Flag(help: "Give the log another life: devices read all of it anew.")
        var newLife = false
        @Flag(help: "Tell the counts as JSON.")
        var json = false

        func run() throws {
            let choice = try store.lasting()
            // Before the store is made: a missing file leaves nothing behind.
            let input = try InputFile.open(file)
            var lock: FolderLock?
            if case .sqlite(let data) = choice {
                try data.create()
                lock = try data.lock()
                try Import.clearUnfinished(data)
            }
            let isStopped = Guarded(false)
            let signals = StopSignals { isStopped.withLock { $0 = true } }
            var lines = ExportLines(descriptor: input, file: file)
            lines.isStopped = { isStopped.withLock { $0 } }
            let opened = try choice.open()
            do {
                try opened.fill {
                    guard let item = try lines.next() else { return nil }
                    if newLife, case .life = item { return .life(.random()) }
                    return item
                }
            } catch {
                lines.progress.clear()
                let isMarked = (try? opened.isUnfinished) ?? false
                throw failure(error, lines, choice, isMarked: isMarked)
            }
            lines.progress.clear()
            withExtendedLifetime((lock, signals)) {}
            if json {
                try Output.write(Export.json(lines.counts, bytes: lines.bytesTaken, since: lines.started) + "\n")
            } else {
                let told = Export.told(lines.counts, bytes: lines.bytesTaken, since: lines.started)
                Terminal.complain("Imported \(told).")
            }
        }

        /// A part of an earlier import is nobody's: nothing ever worked on it.
        private static func clearUnfinished(_ data: DataFolder) throws {
            guard FileManager.default.fileExists(atPath: data.databasePath) else { return }
            let isUnfinished: Bool
            do throws(StoreError) {
                isUnfinished = try SQLiteStore(path: data.databasePath).isUnfinished
            } catch {
                throw CommandFailure(error, "Cannot open \(data.databasePath)")
            }
            guard isUnfinished else { return }
            Terminal.complain("An earlier import broke off here; it begins anew.")
            data.removeDatabase()
        }

        /// - Parameter isMarked: whether the store holds a part of this import, and nothing else.
        private func failure(
            _ error: any Error, _ lines: borrowing ExportLines, _ choice: StoreChoice, isMarked: Bool
        ) -> any Error {
            if case StoreError.refused(let reason) = error, lines.number == 0 {
                return CommandFailure(
                    .notAccepted, "\(choice.shown): \(reason).",
                    remedy: error as? StoreError == .unfinished
                        ? choice.unfinishedRemedy : "An import needs a new data folder, database or schema.")
            }
            var kept = ""
            // A store that was there before is never removed: only what has the mark.
            if isMarked, case .sqlite(let data) = choice {
                data.removeDatabase()
            } else if isMarked {
                kept =
                    " What came before it is marked as unfinished, and nothing works on it: \(choice.unfinishedRemedy)"
            }
            switch error {
            case let fault as ExportLines.Failure:
                return CommandFailure(.badInput, fault.sentence, remedy: "Nothing was imported.\(kept)")
            case StoreError.refused(let reason):
                return CommandFailure(
                    .badInput, "\(file), line \(lines.number): \(reason).", remedy: "Nothing was imported.\(kept)")
            case let error as StoreError: return choice.failure(error, "Cannot write \(choice.shown)")
            default: return error
            }
        }
    }
}

/// The pieces of an export, out of a file or a pipe.
struct ExportLines: ~Copyable {
    /// What is wrong with the input, and where.
    struct Failure: Error {
        let sentence: String
    }

    /// The line that was read last, from 1.
    private(set) var number = 0
    let started = Clock.now
    let progress = ProgressLine()
    var isStopped: () -> Bool = { false }
    var counts: Export.Counts { export.counts }
    var bytesTaken: Int { reader.bytesTaken }

    private let file: String
    private var reader: LineReader
    private var export = ExportReader()

    init(descriptor: Int32, file: String) {
        self.file = file
        reader = LineReader(descriptor: descriptor, lineBytesMax: Export.lineBytesMax)
    }

    /// nil behind the trailer, once it says that all is there.
    mutating func next() throws -> KeptItem? {
        while let line = try InputFile.next(&reader, of: file) {
            if isStopped() { throw ExitCode(130) }
            number += 1
            if number & 1_023 == 0 {
                progress.show { AdminCommand.Export.told(export.counts, bytes: reader.bytesTaken, since: started) }
            }
            guard case .text(let bytes) = line else { throw failure(ExportReader.tooLong) }
            do throws(Export.Fault) {
                if let item = try export.take(bytes) { return item }
            } catch {
                throw failure(error)
            }
        }
        if let fault = export.fault {
            number += 1
            throw failure(fault)
        }
        return nil
    }

    private func failure(_ fault: Export.Fault) -> Failure {
        Failure(sentence: "\(file), line \(number): \(OneLine.clean(fault.sentence)).")
    }
}
