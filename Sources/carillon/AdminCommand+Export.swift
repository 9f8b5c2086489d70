internal import ArgumentParser
internal import Dispatch
internal import Foundation
internal import Hub
internal import Storage
internal import Wire

extension AdminCommand {
    /// `carillon admin export`: a store as a stream of lines.
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write all that a store holds as NDJSON.",
            discussion: """
                Users, keys (as hashes), devices with their cursors, policies, and every record with its siblings and \
                positions, as of one moment, also while a hub runs. The format is in Protocol/EXPORT.md; its last line \
                has a SHA-256, without which the export is not whole. A file is made for its owner's eyes only, and \
                appears when it is whole.

                  carillon admin export all.ndjson
                  carillon admin export - | ssh other carillon admin import -
                  carillon admin export --store postgres all.ndjson
                """)

        @Argument(help: "Where to write; - for standard output.", completion: .file())
        var file = "-"
        @OptionGroup var store: StoreOptions
        @Flag(help: "Tell the counts as JSON: on standard output, or on standard error where the export goes there.")
        var json = false

        private static let chunkBytes = 256 << 10

        func validate() throws {
            if file == "-", Terminal.outputIsTerminal {
                throw ValidationError("An export holds everybody's records: name a file for it.")
            }
        }

        func run() throws {
            let choice = try store.lasting()
            let opened = try store.existing()
            if case .sqlite(let data) = choice { try data.refuseDatabase(as: file) }
            let draft = file == "-" ? nil : try DraftFile(file)
            let signals = draft.map { draft in
                StopSignals { [path = draft.draftPath] in
                    unlink(path)
                    _exit(130)
                }
            }
            let progress = ProgressLine(isShown: Terminal.errorIsTerminal)
            let started = Clock.now
            var bytes = 0
            var out: [UInt8] = []
            var writer = ExportWriter()
            func flush() throws {
                bytes += out.count
                if let draft { try out.withUnsafeBytes { try draft.write($0) } } else { try Output.write(out) }
                out.removeAll(keepingCapacity: true)
            }
            do {
                out += writer.header()
                try opened.readAll { item in
                    out += try writer.line(of: item)
                    guard out.count >= Export.chunkBytes else { return }
                    try flush()
                    progress.show { Export.told(writer.counts, bytes: bytes, since: started) }
                }
                out += writer.trailer()
                try flush()
                try draft?.finish()
            } catch let error as StoreError {
                progress.clear()
                throw choice.failure(error, "Cannot read \(choice.shown)")
            } catch let fault as Wire.Export.Fault {
                progress.clear()
                throw CommandFailure(.inputOutput, "The store cannot be exported: \(fault.sentence).")
            }
            progress.clear()
            withExtendedLifetime(signals) {}
            let told = json ? Export.json(writer.counts, bytes: bytes, since: started) : ""
            if json, draft != nil { return try Output.write(told + "\n") }
            Terminal.complain(
                json ? told : "Exported " + Export.told(writer.counts, bytes: bytes, since: started) + ".")
        }

        static func told(_ counts: Wire.Export.Counts, bytes: Int, since started: Int64) -> String {
            let seconds = max(0.001, Double(Clock.now - started) / 1e6)
            return String(
                format: "%d users, %d devices, %d spaces, %d versions of records, %.1f MB in %.1f s", counts.users,
                counts.devices, counts.spaces, counts.entries, Double(bytes) / 1e6, seconds)
        }

        static func json(_ counts: Wire.Export.Counts, bytes: Int, since started: Int64) -> String {
            let fields = counts.named.map { "\"\($0.name)\":\($0.count)" }.joined(separator: ",")
            let seconds = String(format: "%.3f", Double(Clock.now - started) / 1e6)
            return "{\"counts\":{\(fields)},\"bytes\":\(bytes),\"seconds\":\(seconds)}"
        }
    }
}
