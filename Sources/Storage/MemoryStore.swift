public import Causality
internal import Foundation
internal import Synchronization

/// The reference store: everything in memory, nothing durable. For tests, and for a hub that may forget.
///
/// One lock serialises all calls, a whole ``write(_:)`` included; its body must not call the store again.
public final class MemoryStore: Store, @unchecked Sendable {
    // @unchecked: `state` and `undone` are touched only with `lock` held (see `locked`).
    struct State {
        var spaces: [Identifier: MemorySpace] = [:]
        var users: [Identifier: User] = [:]
        var keys: [String: APIKeyRecord] = [:]
        var passwordHashes: [Identifier: String] = [:]
        var devices: [Identifier: [Identifier: Device]] = [:]
        var teams: [Identifier: Team] = [:]
        /// By team, then by user.
        var members: [Identifier: [Identifier: Membership.Role]] = [:]
        /// By user and device, the one that was kept longest first.
        var notes: [Identifier: [Identifier: [HeldNote]]] = [:]
        var revocations = MemoryRevocations()
        var merging = MemoryMerging()
        /// By space and device, oldest first.
        var answers: [Identifier: [Identifier: [HeldAnswer]]] = [:]
        var isUnfinished = false
    }

    struct HeldNote {
        let name: String
        let note: [UInt8]
    }

    struct HeldAnswer {
        let key: AnswerKey
        let answer: KeptAnswer
    }

    /// Atomic, and not under the lock: it is asked for inside of transactions.
    private let life: Atomic<UInt64>
    public var generation: Generation { Generation(life.load(ordering: .acquiring)) }
    public let writersMax = 1
    public var writesBlock: Bool { false }
    private let lock = NSLock()
    private var state = State()
    private var undo: [(space: Identifier, step: MemorySpace.Undo)] = []
    private var answersUndo: [(space: Identifier, device: Identifier, before: [HeldAnswer])] = []

    public init(generation: Generation) {
        life = Atomic(generation.value)
    }

    public var accounts: any AccountStore { MemoryAccounts(store: self) }

    public func write<Value>(
        _ body: (any StoreTransaction) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        lock.lock()
        defer { lock.unlock() }
        undo = []
        answersUndo = []
        state.merging.begin()
        do throws(StoreError) {
            let value = try body(Transaction(store: self))
            for (space, _) in undo { state.spaces[space]?.squeeze() }
            return value
        } catch {
            for (space, step) in undo.reversed() { state.spaces[space]?.restore(step) }
            for (space, device, before) in answersUndo.reversed() { state.answers[space]?[device] = before }
            state.merging.rollBack()
            throw error
        }
    }

    public func head(of space: Identifier) throws(StoreError) -> Position {
        reading { $0.spaces[space]?.head ?? .start }
    }

    public func page(_ query: PageQuery) throws(StoreError) -> LogPage {
        reading { ($0.spaces[query.space] ?? MemorySpace()).page(query) }
    }

    public func record(_ key: RecordKey) throws(StoreError) -> Record? {
        reading { $0.spaces[key.space]?.record(key.name) }
    }

    public func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Record?] {
        reading { state in
            names.map { name in
                state.spaces[space]?.record(name).map { record in
                    Record(head: record.head.withoutContent, siblings: record.siblings.map(\.withoutContent))
                }
            }
        }
    }

    public func records(_ query: RecordQuery) throws(StoreError) -> RecordPage {
        reading { $0.spaces[query.space]?.records(query) ?? RecordPage(records: [], next: nil) }
    }

    public func manifest(_ query: ManifestQuery) throws(StoreError) -> ManifestPage {
        reading { $0.spaces[query.space]?.manifest(query) ?? ManifestPage(entries: [], next: nil) }
    }

    public func policies() throws(StoreError) -> [Identifier: ConflictPolicy] {
        reading { $0.merging.policies }
    }

    public func setPolicy(_ policy: ConflictPolicy?, for kind: Identifier) throws(StoreError) {
        try locked { (state) throws(StoreError) in try state.merging.setPolicy(policy, for: kind) }
    }

    public func statistics(of space: Identifier) throws(StoreError) -> SpaceStatistics {
        reading { ($0.spaces[space] ?? MemorySpace()).statistics() }
    }

    func locked<Value>(_ body: (inout State) throws(StoreError) -> Value) throws(StoreError) -> Value {
        lock.lock()
        defer { lock.unlock() }
        return try body(&state)
    }

    func copy() -> State { reading { $0 } }

    func set(_ generation: Generation) {
        life.store(generation.value, ordering: .releasing)
    }

    private func reading<Value>(_ body: (inout State) -> Value) -> Value {
        lock.lock()
        defer { lock.unlock() }
        return body(&state)
    }

    /// Runs with the store's lock held by `write`.
    private struct Transaction: StoreTransaction {
        let store: MemoryStore

        func lockHead(of space: Identifier) throws(StoreError) -> Position {
            store.state.spaces[space]?.head ?? .start
        }

        func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Record?] {
            guard let log = store.state.spaces[space] else { return Array(repeating: nil, count: names.count) }
            return names.map { log.record($0) }
        }

        func policies() throws(StoreError) -> [Identifier: ConflictPolicy] { store.state.merging.policies }

        func history(of name: RecordName, in space: Identifier) throws(StoreError) -> [HistoryVersion] {
            store.state.merging.history(of: name, in: space)
        }

        func revise(_ edits: [HistoryEdit], in space: Identifier) throws(StoreError) {
            for edit in edits { store.state.merging.revise(edit, in: space) }
        }

        func liveCount(of space: Identifier) throws(StoreError) -> Int {
            store.state.spaces[space]?.statistics().recordCount ?? 0
        }

        func entry(at position: Position, in space: Identifier) throws(StoreError) -> LogEntry? {
            store.state.spaces[space]?.entry(at: position)
        }

        func answer(
            to key: AnswerKey, of device: Identifier, in space: Identifier
        ) throws(StoreError) -> KeptAnswer? {
            store.state.answers[space]?[device]?.last { $0.key == key }?.answer
        }

        func keep(
            _ answer: KeptAnswer, to key: AnswerKey, of device: Identifier, in space: Identifier
        ) throws(StoreError) {
            let before = store.state.answers[space]?[device] ?? []
            store.answersUndo.append((space, device, before))
            var held = before.filter { $0.key != key && !$0.answer.isExpired(at: answer.keptAt) }
            held.append(HeldAnswer(key: key, answer: answer))
            held.removeFirst(held.count - KeptAnswer.countKept(newestFirst: held.reversed().map(\.answer.items.count)))
            store.state.answers[space, default: [:]][device] = held
        }

        func append(
            _ added: [LogEntry], ending ended: [Position], in space: Identifier, head: Position
        ) throws(StoreError) {
            let step = store.state.spaces[space, default: MemorySpace()].append(added, ending: ended, head: head)
            store.undo.append((space, step))
        }
    }
}
