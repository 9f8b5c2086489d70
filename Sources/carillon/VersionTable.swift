internal import CarillonClient
internal import Wire

/// A record's versions under each other, for people.
struct VersionTable {
    private let record: ConflictedRecord
    private let columns: Int
    /// Characters of a hash that are shown: enough to name it in `--supersedes`.
    static let hashCount = 12

    init(_ record: ConflictedRecord, columns: Int? = nil) {
        self.record = record
        self.columns = columns ?? (Terminal.outputIsTerminal ? Terminal.columns : 400)
    }

    var text: String {
        let count = record.versions.count + record.omittedCount
        var text = "\(record.kind)/\(record.id)  \(count) \(count == 1 ? "version" : "versions")\n"
        let rows = record.versions.enumerated().map { index, version in
            [
                String(index + 1), index == 0 ? "head" : "", version.author.isEmpty ? "(hub)" : version.author,
                Clock.text(version.updatedAt == 0 ? version.position : version.updatedAt),
                String(version.hash.prefix(VersionTable.hashCount)), VersionTable.content(version),
            ]
        }
        for (line, version) in zip(Columns.lines(rows), record.versions) {
            text += OneLine.shortened("  " + line, columns: columns) + "\n"
            let why = [version.reason, version.detail].filter { !$0.isEmpty }.joined(separator: ": ")
            if !why.isEmpty { text += OneLine.shortened("       \(why)", columns: columns) + "\n" }
        }
        if record.omittedCount > 0 { text += "  and \(record.omittedCount) more; these come first\n" }
        return OneLine.clean(text.dropLast(), keepsBreaks: true) + "\n"
    }

    private static func content(_ version: StoredVersion) -> String {
        if version.isDeleted, version.body.isEmpty { return "(deleted)" }
        // No line shows more than a few thousand characters.
        let body = OneLine.text(version.body.prefix(8_192))
        return version.isDeleted ? "\(body)  (deleted)" : body
    }
}

/// What a peer wrote, on a line of a terminal.
enum OneLine {
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.map { $0 == 0x0a || $0 == 0x0d || $0 == 0x09 ? 0x20 : $0 }, as: UTF8.self)
    }

    static func clean(_ text: some StringProtocol, keepsBreaks: Bool = false) -> String {
        LineText.shown(text, keepsBreaks: keepsBreaks)
    }

    static func shortened(_ text: String, columns: Int?) -> String {
        guard let columns, text.count > columns else { return text }
        return text.prefix(max(1, columns - 1)) + "…"
    }
}
