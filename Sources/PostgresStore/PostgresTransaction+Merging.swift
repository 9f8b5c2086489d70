internal import Causality
internal import Storage

extension PostgresTransaction {
    func policies() throws(StoreError) -> [Identifier: ConflictPolicy] { [:] }

    func history(of name: RecordName, in space: Identifier) throws(StoreError) -> [HistoryVersion] { [] }

    func revise(_ edits: [HistoryEdit], in space: Identifier) throws(StoreError) {}

    /// Into the second pipeline, before the COMMIT.
    func sendHistory() throws(PostgresFailure) {}
}
