public import Causality
public import Storage

extension PostgresStore {
    public func records(_ query: RecordQuery) throws(StoreError) -> RecordPage { RecordPage(records: [], next: nil) }

    public func manifest(_ query: ManifestQuery) throws(StoreError) -> ManifestPage {
        ManifestPage(entries: [], next: nil)
    }

    public func policies() throws(StoreError) -> [Identifier: ConflictPolicy] { [:] }

    public func setPolicy(_ policy: ConflictPolicy?, for kind: Identifier) throws(StoreError) {}
}
