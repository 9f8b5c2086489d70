internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Cryptography
internal import Foundation
internal import Wire

/// `carillon resolve`: settles a record's concurrent versions.
struct ResolveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "Settle a record's concurrent versions.",
        discussion: """
            Shows the versions and replaces exactly these; one that arrives meanwhile survives beside the result. \
            Numbers are those of `carillon conflicts`: 1 is the head. In a script, name what was seen by hash, whole \
            or the first 6 characters or more: a version that is gone stops the command, and one that is not named \
            survives.

              carillon resolve note hello --keep 2 --device laptop
              echo '{"text":"both"}' | carillon resolve note hello --body - --device laptop
              carillon resolve note hello --delete --device laptop
              carillon resolve note hello --device laptop --keep 9f86d081 \\
                --supersedes 9f86d081 --supersedes 60303ae2

            Exit codes: 0 settled, 1 not accepted, or there is no such version.
            """)

    /// White space around a body of 4 MiB, the most that a hub takes, and some more for what is refused with its size.
    private static let bodyBytesMax = 8 << 20

    @Argument(help: "The record's kind.", transform: { try Names.identifier($0, "kind") })
    var kind: Identifier
    @Argument(help: "The record's id.", transform: { try Names.identifier($0, "id") })
    var id: Identifier
    @Option(help: ArgumentHelp("Keep this version: its number, or the beginning of its hash.", valueName: "n|hash"))
    var keep: String?
    @Option(
        help: ArgumentHelp("A new body: a JSON file, or - for standard input.", valueName: "file"), completion: .file())
    var body: String?
    @Flag(help: "Delete the record.")
    var delete = false
    @Option(
        help: ArgumentHelp(
            "Replace only this version, by the beginning of its hash; may be repeated.", valueName: "hash"))
    var supersedes: [String] = []
    @OptionGroup var device: DeviceOption
    @OptionGroup var hub: SpaceOptions
    @Flag(help: "Print the hub's answer as it is.")
    var json = false

    func validate() throws {
        let ways = [keep != nil, body != nil, delete].count { $0 }
        guard ways == 1 else { throw ValidationError("Say one of --keep, --body and --delete.") }
    }

    func run() throws {
        let settings = try hub.settings()
        let rest = try hub.rest()
        let device = try device.name(settings)
        // First: what is typed on standard input may take a while, and the versions should be those of now.
        let given = try body.map { try read($0) }
        let record = try record(rest)
        let superseded = try superseded(record)
        let content: ResolutionRequest.Content
        if let keep {
            content = .keep(try version(keep, in: record))
        } else {
            content = given.map { .body($0) } ?? .deletion
        }
        if !json { Terminal.write(toError: VersionTable(record, columns: Terminal.columns).text) }
        let request = ResolutionRequest(
            id: "resolve-" + Digest.hex(Secret.random(count: 8)), kind: kind.text, recordID: id.text,
            supersedes: superseded, content: content, updatedAt: Clock.now)
        let encoded = request.encode()
        // The same id each time: an answer that was lost is told again, and nothing is written twice.
        let bytes = try Patience.asking(triesMax: 3) { () throws(ClientError) in
            try rest.post(["v1", "resolve"], json: encoded, fields: [("X-Carillon-Device", device.text)])
        }
        if json { try Output.write(Lines.one(bytes)) }
        try conclude(bytes, replaced: superseded.count)
    }

    private func conclude(_ bytes: [UInt8], replaced: Int) throws {
        guard let item = RawObject(bytes)?.objects("items")?.first?.object, let verdict = item.string("verdict") else {
            throw CommandFailure(.hubUnavailable, "The hub's answer names no verdict.")
        }
        guard verdict == "accepted" || verdict == "duplicate" else {
            let code = item.string("error") ?? item.string("reason") ?? verdict
            let message = item.string("message").map { ": \($0)" } ?? ""
            throw CommandFailure(
                .notAccepted, "The hub did not settle \(kind)/\(id): \(verdict) [\(code)]\(message).",
                remedy: "See the versions as they are now: carillon conflicts --kind \(Terminal.quoted(kind.text))")
        }
        guard !json else { return }
        let clock = item["clock"].map { " Its clock is \(String(decoding: $0, as: UTF8.self))." } ?? ""
        try Output.write(
            "Settled \(kind)/\(id): \(replaced) \(replaced == 1 ? "version" : "versions") replaced.\(clock)\n")
    }

    private func record(_ rest: RESTClient) throws -> ConflictedRecord {
        let bytes = try asking { () throws(ClientError) in try rest.get(["v1", "records", kind.text, id.text]) }
        guard let record = RawObject(bytes).flatMap({ ConflictedRecord($0) }) else {
            throw CommandFailure(.hubUnavailable, "The hub's answer is no record.")
        }
        return record
    }

    /// What the request names: all that was shown, or what was asked for.
    private func superseded(_ record: ConflictedRecord) throws -> [StoredVersion] {
        guard !supersedes.isEmpty else { return record.versions }
        return try supersedes.map { try version(hash: $0, in: record) }
    }

    private func version(_ text: String, in record: ConflictedRecord) throws -> StoredVersion {
        // A number has at most two digits, what is longer begins a hash.
        guard text.utf8.count <= 2, let number = Int(text) else { return try version(hash: text, in: record) }
        guard record.versions.indices.contains(number - 1) else {
            let count = record.versions.count
            throw CommandFailure(
                .notAccepted, "There is no version \(number) of \(kind)/\(id): it has \(count).",
                remedy: "See `carillon conflicts`.")
        }
        return record.versions[number - 1]
    }

    private func version(hash: String, in record: ConflictedRecord) throws -> StoredVersion {
        let found = record.versions.filter { $0.hash == hash || hash.utf8.count >= 6 && $0.hash.hasPrefix(hash) }
        guard let first = found.first else {
            throw CommandFailure(
                .notAccepted, "\(kind)/\(id) has no version with a hash that begins with \(hash).",
                remedy: "It may be settled already; see `carillon get \(Terminal.quoted(kind.text)) "
                    + "\(Terminal.quoted(id.text)) --json`.")
        }
        guard found.allSatisfy({ $0.hash == first.hash }) else {
            throw CommandFailure(
                .usage, "Several versions have a hash that begins with \(hash).", remedy: "Give more of it.")
        }
        return first
    }

    private func read(_ path: String) throws -> ArraySlice<UInt8> {
        let bytes = try InputFile.contents(path, bytesMax: ResolveCommand.bodyBytesMax)
        do throws(JSONError) {
            let place: Result<Range<Int>, JSONError> = bytes.withUnsafeBytes { raw in
                Result { () throws(JSONError) in try JSONScanner.validate(raw) }
            }
            return bytes[try place.get()]
        } catch {
            throw CommandFailure(
                .badInput, "\(path) is not one JSON value: \(error.code.sentence), at byte \(error.offset).",
                remedy: "A text is written in quotes: echo '\"text\"' | carillon resolve … --body -")
        }
    }
}
