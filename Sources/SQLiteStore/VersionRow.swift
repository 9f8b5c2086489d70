internal import Causality
internal import Storage

/// How a log entry lies in a row of `versions`. The body comes behind all that deciding needs: what is read without it
/// touches no overflow page. Only the reason, its detail and an owner, if there is one, are behind the body.
enum VersionRow {
    private static let place = "position, kind, id, is_sibling, author, "
    private static let changeColumn: CInt = 5

    private static let written = "\(place)\(ChangeRow.columns), reason, detail, owner"
    /// In `flags`, beside those of a change.
    private static let hasOwner: Int64 = 1 << 4
    /// Read only where there is one: in a team's space.
    static let owner = "CASE WHEN flags & \(hasOwner) THEN owner ELSE '' END"
    private static let ownerColumn: CInt = 16
    static let flagsColumn: CInt = 8

    static let columns = "\(place)\(ChangeRow.columns), reason, detail, \(owner)"

    /// As ``columns``, without the content: no embedding, an empty body, no reason.
    static let columnsWithoutContent = "\(place)\(ChangeRow.columnsWithoutContent), '', '', \(owner)"

    static let insertion = "INSERT INTO versions (space, \(written)) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"

    /// Binds all but the first parameter, the space.
    static func bind(_ entry: LogEntry, to statement: HotStatement) {
        let change = entry.change
        statement.bind(2, entry.position.microseconds)
        statement.bind(3, change.kind)
        statement.bind(4, change.id)
        statement.bind(5, entry.isSibling ? 1 : 0)
        statement.bind(6, entry.author)
        let access = entry.storedAccess << ChangeRow.accessShift
        ChangeRow.bind(change, to: statement, from: 7, flags: access | (entry.owner.text.isEmpty ? 0 : hasOwner))
        statement.bindStatic(16, reasonText(entry.reason))
        if entry.detail.isEmpty {
            statement.bindStatic(17, "")
        } else {
            statement.bind(17, Identifier(unchecked: entry.detail))
        }
        if entry.owner.text.isEmpty {
            statement.bindStatic(18, "")
        } else {
            statement.bind(18, entry.owner)
        }
    }

    /// ``Reason/rawValue`` as text that lives as long as the program: nearly every row has one of three.
    private static func reasonText(_ reason: Reason) -> StaticString {
        switch reason {
        case .firstVersion: "first_version"
        case .newer: "newer"
        case .sameVersion: "same_version"
        case .equivocation: "equivocation"
        case .older: "older"
        case .sameContent: "same_content"
        case .concurrent: "concurrent"
        case .lastWriterWins: "last_writer_wins"
        case .forced: "forced"
        case .resolved: "resolved"
        case .merged: "merged"
        case .editDelete: "edit_delete"
        case .noAncestor: "no_ancestor"
        }
    }

    /// What ``LogEntry/encodedBytesEstimate`` says of the current row, without decoding it: a number of an embedding has
    /// 4 bytes here and some 14 in JSON, and a clock's entry doubles (a replica's quotes, a counter's digits).
    static func encodedBytesEstimate(_ row: HotStatement) -> Int {
        let names = row.byteCount(1) + row.byteCount(2) + row.byteCount(5) + row.byteCount(7)
        let content = 4 * row.byteCount(12) + row.byteCount(13) + row.byteCount(15)
        return EncodedSize.fieldsBytes + names + 2 * row.byteCount(6) + content
    }

    /// The entry in the current row of a statement that selects ``columns`` or ``columnsWithoutContent``.
    static func entry(_ row: HotStatement) throws(StoreError) -> LogEntry {
        let position = Position(row.number(0))
        var change = try ChangeRow.change(
            row, from: changeColumn, kind: row.name(1), id: row.name(2), place: "at position \(position)")
        let access = row.number(flagsColumn) >> ChangeRow.accessShift
        change.visibility = LogEntry.visibility(storedAccess: access)
        return LogEntry(
            position: position, author: row.name(4), change: change, isSibling: row.number(3) != 0,
            reason: Reason(rawValue: row.name(14).text) ?? .newer, detail: row.name(15).text,
            owner: row.byteCount(ownerColumn) == 0 ? "" : row.name(ownerColumn),
            wasShared: LogEntry.wasShared(storedAccess: access))
    }
}
