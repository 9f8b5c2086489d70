internal import Causality
internal import Cryptography
internal import Hub
internal import Storage
internal import Wire

/// A row's id is made of the content that it was added with. Where its content is another now, a record beside it leads
/// from that content to the row, so that adding the content finds it.
extension Memories {
    static let aliasKind: Identifier = "claude-memory-alias"

    /// - Returns: the live row that was last edited to say `content`, whatever it says now; nil where there is none.
    func aliased(_ content: String) throws(DialectError) -> Row? {
        guard let alias = try alias(of: content), let id = Memories.target(of: alias), let row = try row(id),
            !row.isDeleted
        else { return nil }
        return row
    }

    /// What is to be written beside an edit of `row`, so that the aliases are as after it.
    ///
    /// - Parameter content: as it will be; nil where the row is deleted.
    func aliasChanges(_ row: Row, to content: String?, _ edit: MemoryEdit) throws(DialectError) -> [Change] {
        var changes: [Change] = []
        if let old = try alias(of: row.memory.content), Memories.target(of: old) == row.id {
            changes.append(edit.change(old.change.name, [], isDeleted: true, after: old))
        }
        if let content {
            var body: [UInt8] = []
            body.put(#"{"id":"#)
            body.putInteger(row.id.value)
            body.put("}")
            changes.append(edit.change(Memories.aliasName(content), body, after: try alias(of: content)))
        }
        return changes
    }

    private func alias(of content: String) throws(DialectError) -> LogEntry? {
        let name = Memories.aliasName(content)
        return try desk.reading { () throws(StoreError) in
            try desk.store.record(RecordKey(space: space, kind: name.kind, id: name.id))?.head
        }
    }

    /// 128 bits of the content's SHA-256: what it leads to is looked at anyway.
    private static func aliasName(_ content: String) -> RecordName {
        let digest = Digest.hex(Digest.sha256(Array(content.utf8)).prefix(16))
        return RecordName(kind: aliasKind, id: Identifier(unchecked: digest))
    }

    private static func target(of alias: LogEntry) -> MemoryID? {
        guard !alias.change.isDeleted, alias.change.namespace == namespace else { return nil }
        var id: MemoryID?
        alias.change.body.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            try? scanner.eachField { (scanner, name) throws(JSONError) in
                let value = try scanner.value()
                guard scanner.isName(name, "id"), let number = scanner.integer(at: value) else { return }
                id = MemoryID(String(number))
            }
        }
        return id
    }
}
