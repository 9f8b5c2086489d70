internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Foundation
internal import Wire

/// `carillon diff`: a file of records against the hub.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compare a file of changes with the hub's records.",
        discussion: """
            Names and hashes are compared, not bodies: a line's "hash", or the SHA-256 of its body's bytes. Of several \
            lines of one record the last counts; siblings are left out. Prints what differs:

              -  on the hub and not in the file
              +  in the file and never on the hub
              !  on both, with other contents, or deleted on the hub

              carillon diff records.ndjson
              carillon diff notes.ndjson --kind note --json | jq -r .id

            Exit codes: 0 equal, 1 different.
            """)

    @Argument(help: "NDJSON of changes, of pull or of export; - for standard input.", completion: .file())
    var file: String
    @Option(
        name: .customLong("kind"), help: "Only this kind; may be repeated.",
        transform: { try Names.identifier($0, "kind") })
    var kinds: [Identifier] = []
    @Flag(help: "One JSON object per difference and line.")
    var json = false
    @OptionGroup var hub: SpaceOptions

    func run() throws {
        let rest = try hub.rest()
        let entries = try manifest().entries()
        var walk = DiffWalk(entries, kinds: kinds)
        var counts: [Difference.Way: Int] = [:]
        while !walk.isOver {
            let request = walk.request()
            let bytes = try Patience.asking(triesMax: 3) { () throws(ClientError) in
                try rest.post(["v1", "diff"], json: request)
            }
            guard let found = walk.take(bytes) else {
                throw CommandFailure(.hubUnavailable, "The hub's answer is no comparison.")
            }
            var out: [UInt8] = []
            for difference in found {
                counts[difference.way, default: 0] += 1
                append(difference, into: &out)
            }
            try Output.write(out)
        }
        if counts.isEmpty {
            if !json { Terminal.complain("Equal: \(entries.count) \(entries.count == 1 ? "record" : "records").") }
            return
        }
        if !json {
            Terminal.complain(
                "\(counts[.missing, default: 0]) on the hub only, \(counts[.unknown, default: 0]) in the file only, "
                    + "\(counts[.different, default: 0]) different.")
        }
        throw ExitCode(ExitStatus.notAccepted.rawValue)
    }

    private func manifest() throws -> Manifest {
        var reader = LineReader(descriptor: try InputFile.open(file))
        var manifest = Manifest()
        var number = 0
        while let line = try InputFile.next(&reader, of: file) {
            number += 1
            guard case .text(let bytes) = line else { throw failure(number, "the line is too long") }
            if ImportLine.sort(of: bytes) != .change { continue }
            // A clock decides nothing here, and a file that is to be pushed may have none yet.
            let replica: Identifier = "diff"
            var stamper = ChangeStamper(replica: replica, kind: kinds.count == 1 ? kinds[0] : nil)
            switch stamper.change(line: bytes, now: 1) {
            case .change(let change):
                if kinds.isEmpty || kinds.contains(change.kind) { manifest.add(change) }
            case .rejected(let rejection): throw failure(number, rejection.message)
            }
        }
        return manifest
    }

    private func failure(_ line: Int, _ sentence: String) -> CommandFailure {
        CommandFailure(
            .badInput, "\(file), line \(line): \(sentence).", remedy: "Each line is one change, as for push.")
    }

    private func append(_ difference: Difference, into out: inout [UInt8]) {
        guard json else {
            let mark = ["missing": "-", "unknown": "+", "different": "!"][difference.way.rawValue] ?? "?"
            let deleted = difference.isDeleted ? "  (deleted on the hub)" : ""
            out += Array((OneLine.clean("\(mark) \(difference.kind)/\(difference.id)\(deleted)") + "\n").utf8)
            return
        }
        out += Array("{\"difference\":\"\(difference.way.rawValue)\"".utf8)
        for (name, value) in [("kind", difference.kind), ("id", difference.id), ("hash", difference.hash)] {
            guard let value else { continue }
            out += Array(",\"\(name)\":".utf8)
            JSONText.append(value, into: &out)
        }
        out += Array((difference.isDeleted ? ",\"deleted\":true}\n" : "}\n").utf8)
    }
}
