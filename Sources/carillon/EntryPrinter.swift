internal import Causality
internal import Wire

/// A log's entries for people, or for programs.
struct EntryPrinter {
    let isJSON: Bool
    /// Columns a line may have; nil for no limit.
    let columns: Int?

    init(isJSON: Bool) {
        self.isJSON = isJSON
        columns = Terminal.outputIsTerminal ? Terminal.columns : nil
    }

    /// Appends one line.
    func append(_ entry: LogEntry, into out: inout [UInt8]) {
        if isJSON {
            FrameEncoder.encodeLine(entry, into: &out)
            return
        }
        var line = Clock.text(entry.position.microseconds) + "  "
        let change = entry.change
        if entry.isSibling { line += "CONFLICT  " }
        line += "\(change.kind)/\(change.id)  \(entry.author.text.isEmpty ? "(hub)" : entry.author.text)  "
        line += change.isDeleted && change.body.isEmpty ? "(deleted)" : oneLine(change.body)
        if change.isDeleted, !change.body.isEmpty { line += "  (deleted)" }
        if !entry.reason.isPlain { line += "  [\(entry.reason.rawValue)]" }
        out += Array(shortened(line).utf8)
        out.append(UInt8(ascii: "\n"))
    }

    /// The body without its line breaks, and no more of it than a line can show.
    private func oneLine(_ body: ArraySlice<UInt8>) -> String {
        OneLine.text(columns.map { body.prefix(4 * $0) } ?? body)
    }

    private func shortened(_ line: String) -> String { OneLine.shortened(OneLine.clean(line), columns: columns) }
}
