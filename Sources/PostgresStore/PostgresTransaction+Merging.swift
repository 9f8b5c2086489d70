internal import Causality
internal import Storage

extension PostgresTransaction {
    /// No policy changes while this transaction lasts: it shares the lock that ``PostgresStore/setPolicy(_:for:)`` has
    /// alone. The revision was read behind that lock.
    func policies() throws(StoreError) -> [Identifier: ConflictPolicy] {
        try told { () throws(PostgresFailure) in
            let revision = try currentLife().policyRevision
            let known = store.state.withLock { $0.policyRevision == revision ? $0.policies : nil }
            if let known { return known }
            let policies = try PolicyStatements.read(try connection.run(PolicyStatements.all))
            store.state.withLock { state in
                state.policyRevision = revision
                state.policies = policies
            }
            return policies
        }
    }

    func history(of name: RecordName, in space: Identifier) throws(StoreError) -> [HistoryVersion] {
        if let known = histories[name, in: space] { return known }
        let policies = try policies()
        return try told { () throws(PostgresFailure) in
            // What this transaction revised is read as it is to be.
            if !edits.isEmpty {
                try sendHistory()
                _ = try connection.sync()
            }
            let names = histories.next(from: name, in: space) { kind in
                if case .merge = policies[kind] { true } else { false }
            }
            var parameters = Parameters(space)
            parameters.add(ArrayParameter.texts(names.map(\.kind)))
            parameters.add(ArrayParameter.texts(names.map(\.id)))
            let rows = try connection.run(HistoryStatements.reading, parameters)
            try histories.note(rows, of: names, in: space, store.embeddings)
            return histories[name, in: space] ?? []
        }
    }

    func revise(_ edits: [HistoryEdit], in space: Identifier) throws(StoreError) {
        guard !edits.isEmpty else { return }
        _ = try lockHead(of: space)
        for edit in edits {
            histories.forget(edit.name, in: space)
            self.edits.append((space, edit))
        }
    }

    /// Into the second pipeline, before the COMMIT.
    func sendHistory() throws(PostgresFailure) {
        guard !edits.isEmpty else { return }
        defer { edits = [] }
        let slice = HistorySlice(store.embeddings)
        let removed = (spaces: ArrayParameter.texts(), kinds: ArrayParameter.texts(), ids: ArrayParameter.texts())
        let removedNumbers = ArrayParameter.numbers()
        for (space, edit) in edits {
            for number in edit.removed {
                removed.spaces.append(space)
                removed.kinds.append(edit.name.kind)
                removed.ids.append(edit.name.id)
                removedNumbers.append(number)
            }
        }
        if removedNumbers.count > 0 {
            var parameters = Parameters()
            for array in [removed.spaces, removed.kinds, removed.ids, removedNumbers] { parameters.add(array) }
            try connection.send(HistoryStatements.deletion, parameters)
        }
        for (space, edit) in edits {
            for version in edit.added {
                slice.append(version, in: space)
                guard slice.isFull else { continue }
                try connection.send(HistoryStatements.insertion, slice.parameters)
                slice.removeAll()
            }
        }
        if slice.count > 0 { try connection.send(HistoryStatements.insertion, slice.parameters) }
    }
}
