internal import Causality
internal import Hub
internal import Storage

/// Some items of a push on their way: each to the space that has its record, and what the commit says of it.
struct PushChunk {
    private let caller: Caller
    private let reach: Reach
    private let device: Device
    private let isForced: Bool

    /// What was submitted to one space.
    private struct Part {
        let space: Identifier
        /// Of what was pushed; known hashes stand behind them in the submission.
        var changes: [Change]
        let commit: DialectCommit
    }

    private var parts: [Part] = []

    init(_ caller: Caller, _ reach: Reach, _ device: Device, isForced: Bool) {
        self.caller = caller
        self.reach = reach
        self.device = device
        self.isForced = isForced
    }

    mutating func begin(_ changes: [Change], _ tally: inout PushTally) throws(DialectError) {
        let found = try RecordSearch(reach: reach, desk: caller.desk).find(changes.map(\.name))
        var bySpace: [Identifier: [Change]] = [:]
        var known: [Identifier: [Change]] = [:]
        for (change, found) in zip(changes, found) {
            guard let entity = Entity(kind: change.kind) else { continue }
            let id = change.id.text
            switch found {
            case .absent: bySpace[reach.user.space, default: []].append(clocked(change, nil))
            case .foreign:
                tally.refuse(entity, Refusal(id: id, reason: "another kind of client has a record of this id"))
            case .readOnly:
                tally.refuse(entity, Refusal(id: id, reason: "it is a teammate's, and only they may change it"))
            case .writable(let space, let record):
                let head = record.head.change
                guard !isKnown(change, head) else {
                    tally.accept(entity, nil)
                    continue
                }
                bySpace[space, default: []].append(clocked(change, record))
                if head.hash != change.hash, reach.standing(in: space) != .guest {
                    known[space, default: []].append(KnownHash.change(head.hash, of: change.name))
                }
            }
        }
        for (space, changes) in bySpace {
            let submission = caller.submission(
                changes + (known[space] ?? []), in: space, reach, device, isForced: isForced)
            let bytes = submission.changes.reduce(0) { $0 + $1.encodedBytesEstimate }
            parts.append(
                Part(space: space, changes: changes, commit: caller.desk.begin(submission, bytes: bytes)))
        }
    }

    /// Whether there is nothing to store. A deleted record that comes again with the content that was deleted stays
    /// deleted, and the device learns of it by its next pull.
    private func isKnown(_ change: Change, _ head: Change) -> Bool {
        if head.isDeleted, !change.isDeleted, head.hash == change.hash { return !isForced }
        return change.clock.isEmpty && head.hasSameContent(as: change)
    }

    /// A client that sends no clock has made one edit more than the hub knows of its device: of a record that another
    /// device has edited, that is concurrent, and both are kept.
    private func clocked(_ change: Change, _ record: Record?) -> Change {
        guard change.clock.isEmpty else { return change }
        var clocked = change
        let counter = record?.head.change.clock[caller.device] ?? 0
        clocked.clock = VectorClock([VectorClock.Entry(replica: caller.device, counter: counter + 1)])
        return clocked
    }

    /// Waits for the commits, and counts what they say.
    func finish(_ tally: inout PushTally) throws(DialectError) {
        for part in parts {
            let results = try part.commit.wait()
            var late: [(Change, LogEntry)] = []
            for (change, result) in zip(part.changes, results) {
                guard let entity = Entity(kind: change.kind) else { continue }
                if let stored = result.stored, isEditAfterDeletion(change, result) {
                    late.append((change, stored))
                } else {
                    count(change, entity, result, &tally)
                }
            }
            guard !late.isEmpty else { continue }
            // A deletion loses to a later edit, whichever comes first.
            let changes = late.map { change, stored in
                var edit = change
                edit.supersedes = [stored.change.clock]
                return edit
            }
            let results2 = try caller.desk.commit(
                caller.submission(changes, in: part.space, reach, device),
                bytes: changes.reduce(0) { $0 + $1.encodedBytesEstimate })
            for (change, result) in zip(changes, results2) {
                guard let entity = Entity(kind: change.kind) else { continue }
                count(change, entity, result, &tally)
            }
        }
    }

    private func isEditAfterDeletion(_ change: Change, _ result: ItemResult) -> Bool {
        guard case .verdict(.conflict, .concurrent) = result.decision, let stored = result.stored?.change else {
            return false
        }
        return stored.isDeleted && !change.isDeleted && change.updatedAt > stored.updatedAt
    }

    private func count(_ change: Change, _ entity: Entity, _ result: ItemResult, _ tally: inout PushTally) {
        func refuse(_ reason: String) { tally.refuse(entity, Refusal(id: change.id.text, reason: reason)) }
        switch result.decision {
        case .verdict(.accepted, _), .verdict(.duplicate, _): tally.accept(entity, result.position)
        case .verdict(.stale, _): refuse("a newer version is stored: pull, and edit that one")
        case .verdict(.conflict, _): tally.conflict(entity, change, stored: result.stored)
        case .siblingLimit: refuse("it has \(Record.siblingsMax) unresolved conflicts: settle them first")
        case .clockLimit: refuse("its vector_clock would grow over the limit")
        case .forbidden: refuse("only its owner may change it")
        case .recordLimit: refuse("the record limit of tier \(caller.user.tier.name) is reached")
        case .unknownVersion, .overloaded, .atomicAborted, .unexpected: refuse("it was not stored: push it again")
        }
    }
}
