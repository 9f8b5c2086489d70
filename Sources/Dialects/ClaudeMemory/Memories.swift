internal import Causality
internal import Cryptography
internal import Hub
internal import Storage

/// One user's rows, as one request finds them.
///
/// The core decides: a write here is an edit that comes after the version that was read, all or nothing. Was another one
/// faster, it is read again. Two edits of different fields at once are both there in the end.
struct Memories: Sendable {
    static let kind: Identifier = "memory"
    static let namespace: Identifier = "claude-memory"

    /// Tries of one write. Each one that fails means that somebody else's succeeded.
    private static let triesMax = 64

    let desk: DialectDesk
    let account: DialectAccount
    /// As the request names it.
    let deviceID: Identifier?

    var space: Identifier { account.user.space }

    /// A row that is there, deleted or not.
    struct Row {
        let id: MemoryID
        let memory: Memory
        let entry: LogEntry

        var isDeleted: Bool { entry.change.isDeleted }
    }

    /// Nil where there is none, and where a record of this name is of another namespace.
    func row(_ id: MemoryID) throws(DialectError) -> Row? {
        let record = try desk.reading { () throws(StoreError) in
            try desk.store.record(RecordKey(space: space, kind: id.name.kind, id: id.name.id))
        }
        guard let entry = record?.head, entry.change.namespace == Memories.namespace else { return nil }
        return Row(id: id, memory: Memory(entry), entry: entry)
    }

    /// Runs `body` until what it wants written was written, and returns what it makes of it.
    func writing<Value>(_ body: (MemoryEdit) throws -> (value: Value, changes: [Change])) throws -> Value {
        let device = try desk.device(
            deviceID ?? Identifier(unchecked: "claude-memory.\(account.key.prefix)"), of: account.user,
            platform: "claude-memory")
        let edit = MemoryEdit(time: desk.now.microseconds, replica: device.replica)
        for _ in 0..<Memories.triesMax {
            let (value, changes) = try body(edit)
            if try commit(changes, by: device) { return value }
        }
        throw DialectError.overloaded(retryAfterMs: 1_000)
    }

    /// False where a record is not as it was read.
    private func commit(_ changes: [Change], by device: Device) throws -> Bool {
        let addsRow = changes.contains { $0.kind == Memories.kind && $0.clock.isFirst }
        // The record that leads from a new content to its row is a record more and no row more: an edit is never over
        // the limit.
        let submission = Submission(
            space: space, author: desk.author(device, in: space), replica: device.replica, changes: changes,
            isAtomic: true, user: account.user.id, recordsMax: addsRow ? account.user.tier.recordsMax : nil)
        let results = try desk.commit(submission, bytes: changes.reduce(0) { $0 + $1.body.count })
        for result in results {
            switch result.decision {
            case .recordLimit: throw MemoryRefusal.recordLimit
            case .overloaded: throw DialectError.overloaded(retryAfterMs: 1_000)
            case .clockLimit, .forbidden, .unknownVersion: throw DialectError.internal
            case .verdict, .siblingLimit, .atomicAborted, .unexpected: continue
            }
        }
        return results.allSatisfy(\.isSuccess)
    }
}

/// Makes the changes of one request.
struct MemoryEdit {
    /// Microseconds since 1970.
    let time: Int64
    let replica: Identifier

    var timeText: String { ISOTime.text(time) }

    /// The version that comes after `stored`, which is nil where there is none.
    func change(
        _ name: RecordName, _ body: [UInt8], isDeleted: Bool = false, after stored: LogEntry?
    ) -> Change {
        let clock = (stored?.change.clock ?? VectorClock()).incremented(replica)
        return Change(
            kind: name.kind, id: name.id, namespace: Memories.namespace, clock: clock,
            // Of all of the body: by a hash of the content alone, two concurrent edits of a row's tags would be one.
            hash: Identifier(unchecked: Digest.hex(Digest.sha256(body))), body: body[...], isDeleted: isDeleted,
            // A clock that was set back does not make the row older.
            updatedAt: max(time, stored?.change.updatedAt ?? 0), embedding: nil)
    }
}

extension VectorClock {
    /// Whether it is that of a record's first version.
    fileprivate var isFirst: Bool { entries.count == 1 && entries[0].counter == 1 }
}
