internal import Causality
internal import Hub

extension Memories {
    /// Writes the draft's fields over those of a live row. A draft that says what is there writes nothing.
    ///
    /// - Throws: ``DialectError/notFound``, also for what is another user's.
    func edit(_ id: MemoryID, by draft: MemoryDraft) throws {
        try writing { edit in
            guard let row = try row(id), !row.isDeleted else { throw DialectError.notFound }
            var memory = row.memory
            memory.content = draft.content ?? memory.content
            memory.category = draft.category ?? memory.category
            memory.tags = draft.tags ?? memory.tags
            memory.expandedKeywords = draft.expandedKeywords ?? memory.expandedKeywords
            memory.importance = draft.importance ?? memory.importance
            // Never taken back: who replaces a credential by something else has not said that it may be shown.
            memory.isSensitive = memory.isSensitive || draft.isSensitive
            guard memory.body != row.memory.body else { return ((), []) }
            memory.updatedAt = edit.timeText
            var changes = [edit.change(id.name, memory.body, after: row.entry)]
            if !memory.content.isSame(as: row.memory.content) {
                changes += try aliasChanges(row, to: memory.content, edit)
            }
            return ((), changes)
        }
    }

    /// Deletes a row; one that is deleted stays as it is.
    ///
    /// - Returns: what it began with; empty where it was deleted before, for nothing of it is kept.
    /// - Throws: ``DialectError/notFound``, also for what is another user's.
    func delete(_ id: MemoryID) throws -> String {
        guard let row = try row(id) else { throw DialectError.notFound }
        if row.isDeleted { return "" }
        return try writing { edit in
            guard let row = try self.row(id) else { throw DialectError.notFound }
            guard !row.isDeleted else { return ("", []) }
            let tombstone = row.memory.deleted(at: edit.timeText)
            let deletion = edit.change(id.name, tombstone.body, isDeleted: true, after: row.entry)
            return (row.memory.preview, [deletion] + (try aliasChanges(row, to: nil, edit)))
        }
    }
}
