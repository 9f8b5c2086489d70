internal import Causality

/// The policies of a ``MemoryStore``, and the versions that it keeps to merge with.
struct MemoryMerging {
    private(set) var policies: [Identifier: ConflictPolicy] = [:]
    private(set) var histories: [RecordKey: [HistoryVersion]] = [:]
    /// The histories that the running transaction touched, as they were.
    private var undo: [RecordKey: [HistoryVersion]] = [:]

    mutating func setPolicy(_ policy: ConflictPolicy?, for kind: Identifier) throws(StoreError) {
        if policy != nil, policies[kind] == nil, policies.count >= StoredPolicy.policiesMax {
            throw .refused("there are \(StoredPolicy.policiesMax) policies")
        }
        policies[kind] = policy
        if case .merge = policy { return }
        histories = histories.filter { $0.key.name.kind != kind }
    }

    func history(of name: RecordName, in space: Identifier) -> [HistoryVersion] {
        histories[RecordKey(space: space, kind: name.kind, id: name.id)] ?? []
    }

    mutating func revise(_ edit: HistoryEdit, in space: Identifier) {
        let key = RecordKey(space: space, kind: edit.name.kind, id: edit.name.id)
        let before = histories[key] ?? []
        if undo[key] == nil { undo[key] = before }
        let added = edit.added.map { version in
            // A slice of a pushed frame would keep the whole frame in memory.
            var change = version.change
            change.body = ArraySlice(Array(change.body))
            return HistoryVersion(number: version.number, change: change)
        }
        let after = before.filter { !edit.removed.contains($0.number) } + added
        histories[key] = after.isEmpty ? nil : after.sorted { $0.number < $1.number }
    }

    mutating func begin() {
        if !undo.isEmpty { undo = [:] }
    }

    mutating func rollBack() {
        for (key, history) in undo { histories[key] = history.isEmpty ? nil : history }
        undo = [:]
    }
}
