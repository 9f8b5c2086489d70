internal import Causality
internal import Hub
internal import Storage

/// The deletions that a manifest tells, as changes like any other. They carry no clock: one comes after the version that
/// it deletes, and not at all where that was edited later.
struct ManifestDeletions {
    let diff: Diff
    let device: Device

    /// Records that are looked up at once.
    private static let batchMax = 2_000

    /// Commits them, and returns those that the device may not delete: it keeps its own view of them.
    func commit() throws -> Set<RecordName> {
        var refused: Set<RecordName> = []
        for entity in Entity.allCases {
            let deleted = diff.manifest.entries[Int(entity.rawValue)].filter { $0.deletedAt != nil }
            for start in stride(from: 0, to: deleted.count, by: ManifestDeletions.batchMax) {
                let end = min(start + ManifestDeletions.batchMax, deleted.count)
                try commit(Array(deleted[start..<end]), entity, &refused)
            }
        }
        return refused
    }

    private func commit(_ entries: [Manifest.Entry], _ entity: Entity, _ refused: inout Set<RecordName>) throws {
        let names = entries.map { RecordName(kind: entity.kind, id: $0.id) }
        var bySpace: [Identifier: [Change]] = [:]
        for (entry, found) in zip(entries, try diff.search.find(names)) {
            switch found {
            case .absent, .foreign: continue
            case .readOnly: refused.insert(RecordName(kind: entity.kind, id: entry.id))
            case .writable(let space, let record):
                if let change = deletion(entry, record.head.change) { bySpace[space, default: []].append(change) }
            }
        }
        for (space, changes) in bySpace {
            let submission = diff.caller.submission(changes, in: space, diff.reach, device)
            _ = try diff.caller.desk.commit(submission, bytes: changes.count * 512)
        }
    }

    /// Nil where there is nothing to delete, or what is there is not what the device deleted. An edit that is committed
    /// meanwhile makes this one concurrent: it stands beside the edit and deletes nothing.
    private func deletion(_ entry: Manifest.Entry, _ head: Change) -> Change? {
        guard !head.isDeleted, let deletedAt = entry.deletedAt else { return nil }
        guard entry.hash == nil || entry.hash == head.hash, deletedAt >= head.updatedAt else { return nil }
        return Change(
            kind: head.kind, id: head.id, namespace: head.namespace,
            clock: head.clock.incremented(diff.caller.device), hash: head.hash,
            body: DeletedTime.body(deletedAt)[...], isDeleted: true,
            updatedAt: min(deletedAt, Position.max.microseconds))
    }
}
