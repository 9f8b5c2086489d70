import Causality
import Storage
import Testing

/// Versions that are settled by name, inside the commit.
@Suite struct SettlementConformance {
    func clock(_ replica: Identifier, _ counter: Int64 = 1) -> VectorClock {
        VectorClock([.init(replica: replica, counter: counter)])
    }

    func change(_ replica: Identifier, _ body: String, supersedes: [VectorClock] = [], at time: Int64 = 3) -> Change {
        Change(
            kind: "note", id: "a", namespace: "work", clock: supersedes.isEmpty ? clock(replica) : VectorClock(),
            hash: Identifier(unchecked: body), body: Array(body.utf8)[...], updatedAt: time, schemaVersion: 2,
            supersedes: supersedes)
    }

    func push(_ changes: [Change], _ settlements: [Settlement] = []) -> Submission {
        Submission(space: "s", author: "d", replica: "d", changes: changes, settlements: settlements)
    }

    /// A head of `a`, siblings of `b` and `c`.
    func conflicted(_ kind: StoreUnderTest) throws -> (store: any Store, journal: Journal) {
        let store = try kind.open()
        let journal = Journal(store: store)
        _ = try journal.commit([push([change("a", "1"), change("b", "2"), change("c", "3")])], now: Position(10))
        return (store, journal)
    }

    func record(_ store: any Store) throws -> Record {
        try #require(try store.record(RecordKey(space: "s", kind: "note", id: "a")))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func keepingAVersionWritesItsContentAndLeavesWhatIsNotNamed(_ kind: StoreUnderTest) throws {
        let (store, journal) = try conflicted(kind)
        let settled = push(
            [change("d", "", supersedes: [clock("a"), clock("b")])], [Settlement(keeps: VersionName(clock: clock("b")))]
        )
        let result = try journal.commit([settled], now: Position(20)).results[0][0]
        #expect(result.decision == .verdict(.accepted, .resolved))
        let record = try record(store)
        var wanted = change("b", "2")
        wanted.clock = VectorClock(["a", "b", "d"].map { .init(replica: $0, counter: 1) })
        wanted.writer = "d"
        wanted.visibility = .private
        #expect(record.head.change == wanted && result.clock == wanted.clock)
        #expect(record.siblings.map(\.change.clock) == [clock("c")])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aVersionThatIsNotStoredRejectsItsItemAndNoOther(_ kind: StoreUnderTest) throws {
        let (store, journal) = try conflicted(kind)
        let all = ["a", "b", "c"].map { clock($0) }
        let items = [
            change("d", "x", supersedes: [clock("a"), clock("a", 2)]), change("d", "", supersedes: [clock("a")]),
            change("d", "y", supersedes: all), change("d", "z", supersedes: all),
        ]
        let settlements = [
            Settlement(), Settlement(keeps: VersionName(clock: clock("z"))), Settlement(inheritsNamespace: true),
            Settlement(),
        ]
        let results = try journal.commit([push(items, settlements)], now: Position(20)).results[0]
        #expect(
            results.map(\.decision) == [
                .unknownVersion, .unknownVersion, .verdict(.accepted, .resolved), .unknownVersion,
            ])
        #expect(results[0].stored?.change.body == Array("1".utf8)[...] && results[0].position == nil)
        #expect(results[3].stored?.change.body == Array("y".utf8)[...])
        let record = try record(store)
        #expect(record.head.change.body == Array("y".utf8)[...] && record.head.change.namespace == "work")
        #expect(record.siblings.isEmpty)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aVersionOfTheSameCommitIsKeptWhole(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let settled = push(
            [change("e", "", supersedes: [clock("a"), clock("b")])], [Settlement(keeps: VersionName(clock: clock("a")))]
        )
        _ = try Journal(store: store).commit(
            [push([change("a", "1"), change("b", "2")]), settled], now: Position(10))
        let record = try record(store)
        #expect(record.head.change.body == Array("1".utf8)[...] && record.siblings.isEmpty)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func twoVersionsOfOneClockAreToldApartByTheirHash(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        _ = try journal.commit([push([change("a", "1"), change("a", "2")])], now: Position(10))
        func keep(_ hash: Identifier?) -> Submission {
            push(
                [change("d", "", supersedes: [clock("a")])],
                [Settlement(keeps: VersionName(clock: clock("a"), hash: hash))])
        }
        let results = try journal.commit([keep(nil), keep("3"), keep("2")], now: Position(20)).results
        #expect(
            results.map { $0[0].decision } == [.unknownVersion, .unknownVersion, .verdict(.accepted, .resolved)])
        let record = try record(store)
        #expect(record.head.change.body == Array("2".utf8)[...] && record.siblings.isEmpty)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func settlingSiblingsAloneLeavesTheHead(_ kind: StoreUnderTest) throws {
        let (store, journal) = try conflicted(kind)
        let settled = push([change("d", "4", supersedes: [clock("b"), clock("c")])], [Settlement()])
        let result = try journal.commit([settled], now: Position(20)).results[0][0]
        #expect(result.decision == .verdict(.conflict, .concurrent))
        let record = try record(store)
        #expect(record.head.change.clock == clock("a"))
        #expect(record.siblings.map { String(decoding: $0.change.body, as: UTF8.self) } == ["4"])
    }
}
