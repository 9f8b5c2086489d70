internal import Causality
internal import Hub
internal import Storage

/// Compares a manifest with what is stored, by names and hashes alone.
///
/// | the device has | the hub has | |
/// |---|---|---|
/// | nothing | a record | send it |
/// | this hash | this hash | in sync |
/// | a hash that the hub has had | another one | the device is behind: send the newest |
/// | a hash that the hub never had | another one | the device has an edit: ask for it |
/// | a record | a deletion | tell it, unless the device has an edit |
/// | a deletion | a record | the deletion lost to an edit, or came from who may not: send the edit |
/// | a record | nothing | ask for it |
/// | a record | one that is shown to the user no more | tell it as a deletion |
struct Comparison {
    struct Wanted {
        let name: RecordName
        let position: Position
        let isNew: Bool
    }

    private let diff: Diff
    private let refusedDeletions: Set<RecordName>
    /// How far the device was told last; nil where it never was.
    private let told: [Identifier: Position]?

    /// What is to be sent, by space.
    private(set) var wanted: [Identifier: [Wanted]] = [:]
    /// By entity.
    private(set) var deleted: [[Identifier]] = [[], [], []]
    private(set) var serverMissing: [[Identifier]] = [[], [], []]

    /// Of the device's entries, by entity: where each stands, and whether the hub has it.
    private var places: [[Identifier: Int]] = [[:], [:], [:]]
    private var isFound: [[Bool]] = [[], [], []]

    /// What the device has, and others showed and show no more.
    private var gone: [RecordName] = []

    /// A record of which the hub and the device have different contents.
    private struct Suspect {
        let entity: Entity
        let entry: Manifest.Entry
        let hub: ManifestEntry
    }

    /// Records that are looked up at once.
    private static let batchMax = 2_000

    init(diff: Diff, refusedDeletions: Set<RecordName>, told: [Identifier: Position]?) {
        self.diff = diff
        self.refusedDeletions = refusedDeletions
        self.told = told
    }

    mutating func compare() throws(DialectError) {
        for entity in Entity.allCases {
            let entries = diff.manifest.entries[Int(entity.rawValue)]
            var index: [Identifier: Int] = Dictionary(minimumCapacity: entries.count)
            for (number, entry) in entries.enumerated() { index[entry.id] = number }
            places[Int(entity.rawValue)] = index
            isFound[Int(entity.rawValue)] = Array(repeating: false, count: entries.count)
        }
        for space in diff.reach.all { try compare(space) }
        tellGone()
        for entity in Entity.allCases {
            let number = Int(entity.rawValue)
            for (index, entry) in diff.manifest.entries[number].enumerated() {
                // Of an id that stands twice, the last one counts.
                guard !isFound[number][index], places[number][entry.id] == index, entry.deletedAt == nil else {
                    continue
                }
                serverMissing[number].append(entry.id)
            }
        }
    }

    private mutating func compare(_ space: Identifier) throws(DialectError) {
        let viewer = Viewer(user: diff.reach.user.id, standing: diff.reach.standing(in: space))
        var query = ManifestQuery(space: space, kinds: Entity.kinds)
        var suspects: [Suspect] = []
        while true {
            let page = try diff.caller.desk.reading { () throws(StoreError) in
                try diff.caller.desk.store.manifest(query)
            }
            for entry in page.entries {
                switch viewer.sight(entry.visibility, owner: entry.owner, wasShared: entry.wasShared) {
                case .whole: take(entry, in: space, &suspects)
                case .deletion: if holds(entry.name) { gone.append(entry.name) }
                case .nothing: continue
                }
            }
            guard let next = page.next else { break }
            query.after = next
        }
        try settle(suspects, in: space)
    }

    private func holds(_ name: RecordName) -> Bool {
        Entity(kind: name.kind).map { places[Int($0.rawValue)][name.id] != nil } ?? false
    }

    private mutating func take(_ hub: ManifestEntry, in space: Identifier, _ suspects: inout [Suspect]) {
        guard let entity = Entity(kind: hub.name.kind) else { return }
        let number = Int(entity.rawValue)
        guard let index = places[number][hub.name.id] else {
            if !hub.isDeleted {
                wanted[space, default: []].append(Wanted(name: hub.name, position: hub.position, isNew: true))
            }
            return
        }
        // An id of the user's own space is that record, whoever else has one.
        guard !isFound[number][index] else { return }
        isFound[number][index] = true
        let entry = diff.manifest.entries[number][index]
        if entry.deletedAt != nil {
            guard !hub.isDeleted, !refusedDeletions.contains(hub.name) else { return }
            wanted[space, default: []].append(Wanted(name: hub.name, position: hub.position, isNew: false))
            return
        }
        guard let hash = entry.hash else {
            if hub.isDeleted {
                deleted[number].append(hub.name.id)
            } else if let told, hub.position > told[space] ?? .start {
                // Nothing but its place in the log says that it has changed: it is sent once.
                wanted[space, default: []].append(Wanted(name: hub.name, position: hub.position, isNew: false))
            }
            return
        }
        if hash != hub.hash {
            suspects.append(Suspect(entity: entity, entry: entry, hub: hub))
        } else if hub.isDeleted {
            deleted[number].append(hub.name.id)
        }
    }

    /// Deleted, whatever the device has of it, unless another space shows it. Neither what is hidden nor what the record
    /// once was is compared with it, so that nobody finds out by guessing.
    private mutating func tellGone() {
        for name in gone {
            guard let entity = Entity(kind: name.kind) else { continue }
            let number = Int(entity.rawValue)
            guard let index = places[number][name.id], !isFound[number][index] else { continue }
            isFound[number][index] = true
            if diff.manifest.entries[number][index].deletedAt == nil { deleted[number].append(name.id) }
        }
    }

    private mutating func settle(_ suspects: [Suspect], in space: Identifier) throws(DialectError) {
        for start in stride(from: 0, to: suspects.count, by: Comparison.batchMax) {
            let batch = suspects[start..<min(start + Comparison.batchMax, suspects.count)]
            let names = batch.map { suspect in
                KnownHash.name(suspect.entry.hash ?? "", of: suspect.hub.name)
            }
            let known = try diff.search.records(names, in: space)
            let records = try diff.search.records(batch.map(\.hub.name), in: space)
            for (index, suspect) in batch.enumerated() {
                let number = Int(suspect.entity.rawValue)
                let isSibling =
                    records[index]?.siblings.contains { $0.change.hash == suspect.entry.hash } ?? false
                if known[index] == nil, !isSibling {
                    serverMissing[number].append(suspect.entry.id)
                } else if suspect.hub.isDeleted {
                    deleted[number].append(suspect.entry.id)
                } else {
                    wanted[space, default: []].append(
                        Wanted(name: suspect.hub.name, position: suspect.hub.position, isNew: false))
                }
            }
        }
    }
}
