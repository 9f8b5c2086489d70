import Causality
import Reactor
import Storage

/// A store that counts the pages read of it, and fails or begins anew when it is told to.
final class WatchedStore: Store {
    private struct State {
        var pageCount = 0
        var pagesLeft = Int.max
        var generation = Generation(42)
    }

    private let base = MemoryStore(generation: Generation(42))
    private let state = Guarded(State())

    var generation: Generation { state.withLock { $0.generation } }
    var writersMax: Int { base.writersMax }
    var accounts: any AccountStore { base.accounts }
    var pageCount: Int { state.withLock { $0.pageCount } }

    /// After `count` more pages none can be read.
    func failPages(after count: Int) {
        state.withLock { $0.pagesLeft = count }
    }

    func beginAnew() {
        state.withLock { $0.generation = Generation(43) }
    }

    func page(_ query: PageQuery) throws(StoreError) -> LogPage {
        let isGone = state.withLock { state in
            state.pageCount += 1
            state.pagesLeft -= 1
            return state.pagesLeft < 0
        }
        if isGone { throw .unavailable("the store is away") }
        return try base.page(query)
    }

    func write<Value>(_ body: (any StoreTransaction) throws(StoreError) -> Value) throws(StoreError) -> Value {
        try base.write(body)
    }

    func head(of space: Identifier) throws(StoreError) -> Position { try base.head(of: space) }
    func record(_ key: RecordKey) throws(StoreError) -> Record? { try base.record(key) }
    func statistics(of space: Identifier) throws(StoreError) -> SpaceStatistics { try base.statistics(of: space) }
    func records(_ query: RecordQuery) throws(StoreError) -> RecordPage { try base.records(query) }
    func manifest(_ query: ManifestQuery) throws(StoreError) -> ManifestPage { try base.manifest(query) }
}
