internal import ArgumentParser
internal import Foundation
internal import Reactor
internal import SQLiteStore
internal import Storage

extension AdminCommand {
    /// `carillon admin backup`: a copy of the embedded store.
    struct Backup: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy the embedded store to a file, also while a hub runs.",
            discussion: """
                A copy as of one moment; pushes go on meanwhile. It is made beside its place, read through, and moved \
                there when it is sound; its owner alone may read it. It holds everybody's records.

                  carillon admin backup --to carillon-$(date +%F).db
                  carillon admin restore carillon-2026-01-31.db

                A Postgres has its own tools: with --store postgres this shows the line to type.
                """)

        @Option(help: ArgumentHelp("The file to make, or to replace.", valueName: "file"), completion: .file())
        var to: String
        @Flag(help: "Tell the size as JSON.")
        var json = false
        @OptionGroup var store: StoreOptions

        func run() throws {
            let choice = try store.lasting()
            guard case .sqlite(let data) = choice else {
                throw CommandFailure(
                    .usage, "A Postgres is kept by its own tools, not by this command.",
                    remedy: PostgresDump.backup(choice, to: to))
            }
            try data.requireDatabase()
            try data.refuseDatabase(as: to)
            let started = Clock.now
            do {
                try Copying.run { progress in
                    try StoreBackup.write(of: data.databasePath, to: to, progress: progress)
                }
            } catch let error as StoreError {
                throw CommandFailure(error, "Cannot back up \(data.databasePath)")
            }
            try Copying.tell("Backed up to", to, since: started, json: json)
        }
    }

    /// `carillon admin restore`: a copy in the place of the embedded store.
    struct Restore: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a backup in the place of the embedded store.",
            discussion: """
                The restored log begins another life: devices are told to resync and read all of it anew. What a device \
                holds and the backup had not yet comes back from its own copy, whatever made it (`carillon export`, \
                `pull --json` or `tail --json`); each of the two lines does no harm if it is run again:

                  carillon diff copy.ndjson
                  carillon import copy.ndjson --device laptop

                Refused while a hub runs, and where there is a store already; --force moves that one aside.

                  carillon admin restore carillon-2026-01-31.db --data /var/lib/carillon
                """)

        @Argument(help: "A file of `carillon admin backup`.", completion: .file())
        var file: String
        @Flag(help: "Move a store that is there aside, under a name with the date.")
        var force = false
        @Flag(help: "Tell the size as JSON.")
        var json = false
        @OptionGroup var store: StoreOptions

        func run() throws {
            let choice = try store.lasting()
            guard case .sqlite(let data) = choice else {
                throw CommandFailure(
                    .usage, "A Postgres is restored by its own tools, not by this command.",
                    remedy: PostgresDump.restore(choice, file))
            }
            guard FileManager.default.isReadableFile(atPath: file) else {
                throw CommandFailure(.inputOutput, "Cannot read \(file).")
            }
            try data.create()
            let lock = try data.lock()
            guard force || !FileManager.default.fileExists(atPath: data.databasePath) else {
                throw CommandFailure(
                    .notAccepted, "There is a store in \(data.path) already.",
                    remedy: "Name another folder with --data, or pass --force, which moves it aside.")
            }
            let started = Clock.now
            let ready = data.databasePath + ".restored"
            defer { unlink(ready) }
            do {
                try Copying.run { progress in try StoreBackup.restore(file, to: ready, progress: progress) }
            } catch let error as StoreError {
                var failure = CommandFailure(error, "Cannot restore \(file)")
                // A newer schema is no fault of the backup's.
                if case .newerSchema = error {} else { failure.remedy = "Nothing was changed. Try another backup." }
                throw failure
            }
            let aside = try data.moveDatabaseAside()
            guard rename(ready, data.databasePath) == 0 else {
                throw CommandFailure(
                    .inputOutput, "Cannot write \(data.databasePath): \(String(cString: strerror(errno))).",
                    remedy: aside.map { "What was there is in \($0)." })
            }
            if let aside { Terminal.complain("What was there is in \(aside).") }
            try Copying.tell("Restored to", data.databasePath, since: started, json: json)
            if !json {
                Terminal.complain(
                    "Devices are told to resync and read all anew. What one of them holds and this backup had not: "
                        + "carillon import COPY.ndjson --device NAME")
            }
            withExtendedLifetime(lock) {}
        }
    }
}

/// A copy under way: told on a terminal, and ended by a signal without leaving anything.
private enum Copying {
    static func run(_ body: (@escaping (Int64, Int64) throws -> Void) throws -> Void) throws {
        let isStopped = Guarded(false)
        let signals = StopSignals { isStopped.withLock { $0 = true } }
        let line = ProgressLine()
        defer { line.clear() }
        try body { done, all in
            if isStopped.withLock({ $0 }) { throw ExitCode(130) }
            line.show { String(format: "%.1f of %.1f MB", Double(done) / 1e6, Double(all) / 1e6) }
        }
        withExtendedLifetime(signals) {}
    }

    static func tell(_ what: String, _ path: String, since started: Int64, json: Bool) throws {
        var status = stat()
        let bytes = stat(path, &status) == 0 ? Int(status.st_size) : 0
        let seconds = Double(Clock.now - started) / 1e6
        guard json else {
            return Terminal.complain(
                "\(what) \(path): " + String(format: "%.1f MB in %.1f s.", Double(bytes) / 1e6, seconds))
        }
        try Output.write("{\"bytes\":\(bytes),\"seconds\":\(String(format: "%.3f", seconds))}\n")
    }
}

/// The lines that keep a Postgres.
private enum PostgresDump {
    static func backup(_ choice: StoreChoice, to file: String) -> String {
        "Type: pg_dump --format=custom --file=\(Terminal.quoted(file))\(target(choice))"
    }

    static func restore(_ choice: StoreChoice, _ file: String) -> String {
        "Stop the hubs and type, with an empty database: pg_restore --exit-on-error --no-owner"
            + "\(target(choice, option: " --dbname=")) \(Terminal.quoted(file)) - the log begins another life by itself."
    }

    private static func target(_ choice: StoreChoice, option: String = " ") -> String {
        guard case .postgres(let conninfo) = choice, !conninfo.isEmpty else { return "" }
        return option + Terminal.quoted(choice.shown)
    }
}
