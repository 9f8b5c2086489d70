import Causality
import Dispatch
import Storage
import Synchronization
import Testing

/// ``Store/scan(_:_:)`` of every store.
@Suite struct ScanConformance {
    struct Enough: Error {}

    private static func store(_ kind: StoreUnderTest) throws -> any Store {
        let store = try kind.open()
        try store.append((1...50).map { entry(Int64($0), "r\($0)", kind: $0 % 5 == 0 ? "task" : "note") })
        return store
    }

    private static func query(limit: Int) -> PageQuery { PageQuery(space: "s", after: .start, limit: limit) }

    @Test(arguments: StoreUnderTest.allCases)
    func aScanTellsOfOneCutInPieces(_ kind: StoreUnderTest) throws {
        let store = try ScanConformance.store(kind)
        var told: [LogEntry] = []
        var pieceCount = 0
        let end = try store.scan(ScanConformance.query(limit: 7)) { piece in
            #expect(piece.count <= 7)
            told += piece
            pieceCount += 1
            guard pieceCount == 2 else { return }
            // A writer between two pieces: a new version, which ends one that was not told yet, and a deletion.
            try writing(to: store) {
                try $0.append([entry(60, "r40"), entry(61, "r3", body: [], isDeleted: true)], ending: [40, 3])
            }
        }
        #expect(end == Position(50))
        #expect(told.map(\.position) == (1...50).map { Position(Int64($0)) })
        #expect(pieceCount == 8)
        #expect(try store.head(of: "s") == Position(61))
    }

    /// From another thread: `body` must not call the store that tells it.
    private func writing(to store: any Store, _ body: @escaping @Sendable (any Store) throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let failure = Mutex<(any Error)?>(nil)
        DispatchQueue.global().async {
            do { try body(store) } catch { failure.withLock { $0 = error } }
            done.signal()
        }
        done.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aScanKeepsToItsFiltersAndItsEnd(_ kind: StoreUnderTest) throws {
        let store = try ScanConformance.store(kind)
        var query = ScanConformance.query(limit: 3)
        query.kinds = ["task"]
        query.after = Position(5)
        query.upTo = Position(31)
        var told: [Position] = []
        #expect(try store.scan(query) { told += $0.map(\.position) } == Position(31))
        #expect(told == [10, 15, 20, 25, 30].map { Position($0) })
        told = []
        #expect(try store.scan(PageQuery(space: "nobody", after: .start)) { told += $0.map(\.position) } == .start)
        #expect(told.isEmpty)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func whatItsReaderThrowsEndsItAndTheStoreGoesOn(_ kind: StoreUnderTest) throws {
        let store = try ScanConformance.store(kind)
        // More often than a store has connections.
        for _ in 0..<10 {
            var count = 0
            #expect(throws: Enough.self) {
                try store.scan(ScanConformance.query(limit: 7)) { _ in
                    count += 1
                    if count == 2 { throw Enough() }
                }
            }
            #expect(count == 2)
        }
        #expect(try store.all().count == 50)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aKeyAndItsHolderAreFoundTogether(_ kind: StoreUnderTest) throws {
        let store = try MovingConformance.full(kind)
        for prefix in ["p1", "p2", "nobody", "\0"] {
            let key = try store.accounts.key(prefix: prefix)
            let holder = try store.accounts.holder(prefix: prefix)
            #expect(holder?.key == key)
            #expect(try holder?.user == key.flatMap { try store.accounts.user(id: $0.userID) })
        }
    }
}
