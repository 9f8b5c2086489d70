import Causality
import Foundation
import Reactor
import Storage

/// A store that counts the pages read of it, and holds them back, fails or begins anew when it is told to.
final class WatchedStore: Store {
    private struct State {
        var pageCount = 0
        var pagesLeft = Int.max
        var isHeld = false
        var areHeadsHeld = false
        var heldHeadCount = 0
        var writeSeconds = 0.0
        var generation = Generation(42)
        var isAway = false
        var writeCount = 0
        var losesAnswers = false
        var readCount = 0
    }

    private let base: any Store
    private let state = Guarded(State())

    /// - Parameter writesBlock: true as of a store on a disk, for lanes that run on queues of their own.
    init(_ base: any Store = MemoryStore(generation: Generation(42)), writesBlock: Bool? = nil) {
        self.base = base
        self.writesBlock = writesBlock ?? base.writesBlock
    }

    /// Nothing can be written, no page and no head read.
    func goAway(_ isAway: Bool) {
        state.withLock { $0.isAway = isAway }
    }

    /// Transactions that were begun, also in vain.
    var writeCount: Int { state.withLock { $0.writeCount } }

    private func checkPresence() throws(StoreError) {
        if state.withLock({ $0.isAway }) { throw .unavailable("the store is away") }
    }

    var generation: Generation { state.withLock { $0.generation } }
    var writersMax: Int { base.writersMax }
    let writesBlock: Bool
    var accounts: any AccountStore {
        CountingAccounts(base: base.accounts) { self.state.withLock { $0.readCount += 1 } }
    }

    /// Accounts, heads and pages that were read.
    var readCount: Int { state.withLock { $0.readCount + $0.pageCount } }

    var pageCount: Int { state.withLock { $0.pageCount } }

    /// After `count` more pages none can be read.
    func failPages(after count: Int) {
        state.withLock { $0.pagesLeft = count }
    }

    /// Pages that are read reach nobody before they are let go: what is committed meanwhile is not in them.
    func holdPages(_ isHeld: Bool) {
        state.withLock { $0.isHeld = isHeld }
    }

    /// Whoever asks for a head waits for it: behind the lookup of his device, before his admission.
    func holdHeads(_ areHeld: Bool) {
        state.withLock { $0.areHeadsHeld = areHeld }
    }

    /// How many have come to wait for a head so far.
    var heldHeadCount: Int { state.withLock { $0.heldHeadCount } }

    /// Every transaction takes so long.
    func slowWrites(seconds: Double) {
        state.withLock { $0.writeSeconds = seconds }
    }

    /// What is written is durable, and nobody is told.
    func loseAnswers(_ losesAnswers: Bool) {
        state.withLock { $0.losesAnswers = losesAnswers }
    }

    func beginAnew() {
        state.withLock { $0.generation = Generation(43) }
    }

    func page(_ query: PageQuery) throws(StoreError) -> LogPage {
        try checkPresence()
        let isGone = state.withLock { state in
            state.pagesLeft -= 1
            return state.pagesLeft < 0
        }
        let page = try base.page(query)
        state.withLock { $0.pageCount += 1 }
        while state.withLock({ $0.isHeld }) { Thread.sleep(forTimeInterval: 0.005) }
        if isGone { throw .unavailable("the store is away") }
        return page
    }

    func write<Value>(_ body: (any StoreTransaction) throws(StoreError) -> Value) throws(StoreError) -> Value {
        let seconds = state.withLock { state in
            state.writeCount += 1
            return state.writeSeconds
        }
        if seconds > 0 { Thread.sleep(forTimeInterval: seconds) }
        try checkPresence()
        let value = try base.write(body)
        if state.withLock({ $0.losesAnswers }) { throw .outcomeUnknown("the test says so") }
        return value
    }

    func head(of space: Identifier) throws(StoreError) -> Position {
        try checkPresence()
        let isHeld = state.withLock { state in
            state.readCount += 1
            if state.areHeadsHeld { state.heldHeadCount += 1 }
            return state.areHeadsHeld
        }
        while isHeld, state.withLock({ $0.areHeadsHeld }) { Thread.sleep(forTimeInterval: 0.005) }
        return try base.head(of: space)
    }
    func readAll(_ body: (KeptItem) throws -> Void) throws { try base.readAll(body) }
    func fill(_ next: () throws -> KeptItem?) throws { try base.fill(next) }
    var isUnfinished: Bool { get throws(StoreError) { try base.isUnfinished } }
    func renewGeneration() throws(StoreError) { beginAnew() }
    func record(_ key: RecordKey) throws(StoreError) -> Record? { try base.record(key) }
    func statistics(of space: Identifier) throws(StoreError) -> SpaceStatistics { try base.statistics(of: space) }
    func scan(_ query: PageQuery, _ body: ([LogEntry]) throws -> Void) throws -> Position {
        try base.scan(query, body)
    }
    func records(_ query: RecordQuery) throws(StoreError) -> RecordPage { try base.records(query) }
    func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Record?] {
        try base.records(names, in: space)
    }
    func manifest(_ query: ManifestQuery) throws(StoreError) -> ManifestPage { try base.manifest(query) }
    func policies() throws(StoreError) -> [Identifier: ConflictPolicy] { try base.policies() }
    func setPolicy(_ policy: ConflictPolicy?, for kind: Identifier) throws(StoreError) {
        try base.setPolicy(policy, for: kind)
    }
}
