internal import Causality
internal import Hub
internal import Storage
internal import Wire

extension Memories {
    /// Entries that are read from the store, and written out, at once.
    private static let pieceCount = 500

    /// The position that a client was given as `server_time`.
    ///
    /// - Throws: ``DialectError/badRequest(_:)`` where it is none.
    static func position(_ text: String) throws(DialectError) -> Position {
        guard text.utf8.count <= 19, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text)
        else { throw .badRequest("`since` is no server_time that this server gave") }
        return Position(number)
    }

    /// The rows that changed after `since`, deleted ones too, or all live ones; and where the log was then. All from one
    /// cut, so that what comes later comes after its `server_time`.
    func list(since: Position?) throws -> DialectBody {
        var start = since ?? .start
        if start > .start {
            let head = try desk.reading { () throws(StoreError) in try desk.store.head(of: space) }
            // From before the store was restored: what the client has seen since is unknown.
            if start > head { start = .start }
            // Nothing is new: the most frequent answer, without a cut of its own.
            if start == head { return DialectBody(Memories.end(of: Array(#"{"memories":["#.utf8), at: head)) }
        }
        let query = PageQuery(
            space: space, after: start, limit: Memories.pieceCount, kinds: [Memories.kind],
            namespaces: [Memories.namespace])
        let writer = desk.bodyWriter()
        var piece: [UInt8] = []
        piece.put(#"{"memories":["#)
        var isFirst = true
        let head = try desk.store.scan(query) { entries in
            for entry in entries where !entry.isSibling && (since != nil || !entry.change.isDeleted) {
                guard let id = MemoryID(entry.change.id.text) else { continue }
                if !isFirst { piece.put(",") }
                isFirst = false
                Memory(entry).appendRow(id, into: &piece)
            }
            try writer.append(piece)
            piece.removeAll(keepingCapacity: true)
        }
        try writer.append(Memories.end(of: piece, at: head))
        return try writer.finish()
    }

    private static func end(of list: [UInt8], at head: Position) -> [UInt8] {
        var list = list
        list.put(#"],"server_time":"#)
        list.putString(String(head.microseconds))
        list.put("}")
        return list
    }
}
