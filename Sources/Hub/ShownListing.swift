internal import Causality
internal import Storage
internal import Wire

/// Listings by name for those who may not see all of a space. Where one goes on is told as a name (``NameToken``): so
/// it is always one that was shown, or that the device told itself, however many hidden ones are walked over.
struct ShownListing {
    let store: any Store
    let viewer: Viewer

    /// Records that are read at once after a page of which nothing is shown, whatever was asked for: else a limit of 1
    /// would cost a question of the store for each hidden record.
    private static let hiddenPageMax = 1_000

    func records(_ asked: RecordQuery) throws(StoreError) -> RecordPage {
        var query = asked
        while true {
            var page = try store.records(query)
            let last = page.records.last?.head.change.name
            page.records = Array(page.records.lazy.compactMap { shown($0, asked) }.prefix(asked.limit))
            guard let next = page.next, page.records.isEmpty else {
                // Siblings for which there was no room are told with their record only.
                let shownLast = page.records.last?.head.change.name
                if shownLast != last { page.omittedSiblingCount = 0 }
                if page.next != nil || query.limit > asked.limit { page.next = shownLast }
                return page
            }
            guard let after = try lastHidden(after: next, asked) else {
                return RecordPage(records: [], next: nil)
            }
            query.after = after
            query.limit = max(asked.limit, ShownListing.hiddenPageMax)
        }
    }

    private func shown(_ record: Record, _ query: RecordQuery) -> Record? {
        guard let shown = viewer.shown(record) else { return nil }
        // What is shown as a deletion is listed where deletions are.
        let head = shown.head.change
        guard !query.onlyConflicted else { return shown.siblings.isEmpty ? nil : shown }
        return query.wants(namespace: head.namespace, isDeleted: head.isDeleted) ? shown : nil
    }

    /// The last name before the next one that may be listed; nil where there is none. Walked over without contents.
    private func lastHidden(after name: RecordName, _ asked: RecordQuery) throws(StoreError) -> RecordName? {
        var query = ManifestQuery(space: asked.space, kinds: asked.kind.map { [$0] } ?? [], after: name)
        var last = name
        while true {
            let page = try store.manifest(query)
            for entry in page.entries {
                if let shown = viewer.shown(entry), asked.includesDeleted || asked.onlyConflicted || !shown.isDeleted,
                    asked.idPrefix.isEmpty || entry.name.id.text.utf8.starts(with: asked.idPrefix.utf8)
                {
                    return last
                }
                last = entry.name
            }
            guard let next = page.next else { return nil }
            (query.after, last) = (next, next)
        }
    }

    /// - Parameter mine: what the device told, sorted by name: of those too it knows the names.
    func manifest(_ asked: ManifestQuery, besides mine: [DiffRequest.Item]) throws(StoreError) -> ManifestPage {
        var query = asked
        while true {
            var page = try store.manifest(query)
            page.entries = page.entries.compactMap(viewer.shown)
            guard let next = page.next else { return page }
            let told = mine.last { !(next < $0.name) }?.name
            if let known = [page.entries.last?.name, told].compactMap({ $0 }).max(),
                asked.after.map({ $0 < known }) ?? true
            {
                page.next = known
                return page
            }
            query.after = next
        }
    }
}
