internal import Causality
internal import Hub
internal import Storage

extension Memories {
    /// Attempts at a content's id that are looked at: how often one content may be deleted and added again.
    private static let attemptsMax = 4_096
    /// Attempts that the first look takes; each further one takes twice as many.
    private static let attemptsAtOnce = 8

    /// Adds a row, or finds the live one that says the same already: the answer to an earlier request may be lost.
    func add(_ draft: MemoryDraft) throws -> (id: MemoryID, memory: Memory) {
        let content = draft.content ?? ""
        // Found without a device: a client that only repeats itself registers none.
        var found: Place? = try find(content)
        if case .taken(let row) = found, row.memory.isSensitive || !draft.isSensitive {
            return (row.id, row.memory)
        }
        return try writing { edit in
            // The first try goes by what was just found: a commit over a version that has gone since is refused.
            let place = try found ?? find(content)
            found = nil
            switch place {
            case .taken(let row):
                var memory = row.memory
                guard draft.isSensitive, !memory.isSensitive else { return ((row.id, memory), []) }
                memory.isSensitive = true
                memory.updatedAt = edit.timeText
                return ((row.id, memory), [edit.change(row.id.name, memory.body, after: row.entry)])
            case .free(let id):
                let memory = Memory(
                    content: content, category: draft.category ?? Memory.standardCategory, tags: draft.tags ?? "",
                    expandedKeywords: draft.expandedKeywords ?? "", importance: draft.importance ?? .standard,
                    isSensitive: draft.isSensitive, createdAt: edit.timeText, updatedAt: edit.timeText)
                return ((id, memory), [edit.change(id.name, memory.body, after: nil)])
            }
        }
    }

    private enum Place {
        /// The live row that says it.
        case taken(Row)
        /// The id that a new row of this content is given.
        case free(MemoryID)
    }

    private func find(_ content: String) throws -> Place {
        if let row = try aliased(content), row.memory.content.isSame(as: content) { return .taken(row) }
        var first = 0
        var count = Memories.attemptsAtOnce
        while first < Memories.attemptsMax {
            let ids = (first..<first + count).map { MemoryID(content, of: account.user.id, attempt: $0) }
            let records = try desk.reading { () throws(StoreError) in
                try desk.store.records(ids.map(\.name), in: space)
            }
            for (id, record) in zip(ids, records) {
                guard let head = record?.head else { return .free(id) }
                guard !head.change.isDeleted, let row = try row(id), !row.isDeleted else { continue }
                if row.memory.content.isSame(as: content) { return .taken(row) }
            }
            first += count
            count *= 2
        }
        throw MemoryRefusal.invalid("this content was deleted \(first) times: change it a little")
    }
}
