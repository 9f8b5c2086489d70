import Causality
import Storage
import Testing

/// Clocks that are made where order is decided, and what a change expects there.
@Suite struct BasisConformance {
    func change(_ id: Identifier, _ body: String, isDeleted: Bool = false, kind: Identifier = "note") -> Change {
        Change(
            kind: kind, id: id, clock: VectorClock(), hash: Identifier(unchecked: body), body: Array(body.utf8)[...],
            isDeleted: isDeleted)
    }

    func push(
        _ changes: [Change], by author: Identifier = "d", _ basis: ClockBasis = .latest, isAtomic: Bool = false,
        expecting: [Storage.Expectation] = [], recordsMax: Int? = nil
    ) -> Submission {
        Submission(
            space: "s", author: author, replica: author, changes: changes, isAtomic: isAtomic, recordsMax: recordsMax,
            basis: basis, expectations: expecting)
    }

    func record(_ store: any Store, _ id: Identifier = "a") throws -> Record? {
        try store.record(RecordKey(space: "s", kind: "note", id: id))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func theLatestWriteComesAfterAllThatIsStoredAndEndsIt(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        var given = push([change("a", "1"), change("a", "2")], .given)
        given.changes[0].clock = VectorClock([.init(replica: "x", counter: 4)])
        given.changes[1].clock = VectorClock([.init(replica: "y", counter: 7), .init(replica: "d", counter: 2)])
        // One of a cloned device: the head's clock covers it.
        given.changes.append(change("a", "3"))
        given.changes[2].clock = given.changes[0].clock
        _ = try journal.commit([given], now: Position(10))
        #expect(try record(store)?.siblings.count == 2)
        let receipt = try journal.commit(
            [push([change("a", "4")]), push([change("a", "5")], by: "e")], now: Position(20))
        #expect(
            receipt.results.map { $0[0].decision }
                == [.verdict(.accepted, .resolved), .verdict(.accepted, .newer)])
        let kept = try #require(try record(store))
        #expect(kept.siblings.isEmpty && kept.head.change.hash == "5" && kept.head.author == "e")
        #expect(
            kept.head.change.clock.entries.map { "\($0.replica)\($0.counter)" } == ["d3", "e1", "x4", "y7"])
        #expect(receipt.results[1][0].clock == kept.head.change.clock)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func whatWasNotSeenIsAConflictAndComingAgainIsNone(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        _ = try journal.commit([push([change("a", "1")], by: "x")], now: Position(10))
        _ = try journal.commit([push([change("a", "2")], by: "x")], now: Position(20))
        for time in [30, 40] as [Int64] {
            let late = try journal.commit([push([change("a", "3")], .seen(upTo: Position(10)))], now: Position(time))
            #expect(late.results[0][0].decision == .verdict(.conflict, .concurrent))
            #expect(late.results[0][0].stored?.change.hash == "2")
            #expect(late.batches.isEmpty == (time == 40))
        }
        // Another edit of the same device takes the place of the one that stands beside the head.
        _ = try journal.commit([push([change("a", "4")], .seen(upTo: Position(10)))], now: Position(50))
        #expect(try record(store)?.siblings.map(\.change.hash) == ["4"])
        // Whoever has read all settles all.
        let settling = push([change("a", "5")], by: "y", .seen(upTo: Position(50)))
        #expect(
            try journal.commit([settling], now: Position(60)).results[0][0].decision == .verdict(.accepted, .resolved))
        let repeated = try journal.commit(
            [settling, push([change("b", "1"), change("b", "2")], .seen(upTo: .start))], now: Position(70))
        #expect(repeated.results[0][0].decision == .verdict(.duplicate, .sameContent))
        #expect(
            repeated.results[1].map(\.decision) == [.verdict(.accepted, .firstVersion), .verdict(.accepted, .newer)])
        #expect(try record(store)?.siblings.isEmpty == true)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func deletingWhatIsNotThereWritesNothing(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        for basis in [ClockBasis.latest, .seen(upTo: .start)] {
            let deletions = push([change("a", "", isDeleted: true)], basis)
            let receipt = try journal.commit([deletions], now: Position(10))
            #expect(receipt.results[0][0].decision == .verdict(.duplicate, .sameContent) && receipt.batches.isEmpty)
        }
        _ = try journal.commit([push([change("a", "1"), change("a", "", isDeleted: true)])], now: Position(20))
        let head = try store.head(of: "s")
        let again = try journal.commit([push([change("a", "", isDeleted: true)], by: "e")], now: Position(30))
        #expect(again.results[0][0].decision == .verdict(.duplicate, .sameContent))
        #expect(try store.head(of: "s") == head)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aChangeIsWrittenWhereTheRecordIsAsItExpects(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        _ = try journal.commit(
            [push([change("live", "1"), change("gone", "1"), change("gone", "", isDeleted: true)])], now: Position(10))
        func decisions(_ expectation: Storage.Expectation) throws -> [ItemResult.Decision] {
            let changes = (["live", "gone", "none"] as [Identifier]).map { change($0, "2") }
            let receipt = try journal.commit(
                [push(changes, isAtomic: true, expecting: [expectation, expectation, expectation])], now: Position(20))
            // Whatever is accepted is rolled back, so that each expectation meets the same.
            return receipt.results[0].map(\.decision)
        }
        #expect(try decisions(.live) == [.atomicAborted, .unexpected, .unexpected])
        #expect(try decisions(.notDeleted) == [.atomicAborted, .unexpected, .atomicAborted])
        #expect(try decisions(.absent) == [.unexpected, .atomicAborted, .atomicAborted])
        let receipt = try journal.commit(
            [
                push(
                    [change("live", "2"), change("none", "2"), change("none", "3")],
                    expecting: [.absent, .absent, .live])
            ],
            now: Position(30))
        #expect(
            receipt.results[0].map(\.decision)
                == [.unexpected, .verdict(.accepted, .firstVersion), .verdict(.accepted, .newer)])
        #expect(receipt.results[0][0].stored?.change.hash == "1")
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aFullSpaceTakesEditsAndDeletionsAndNoNewRecord(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        _ = try journal.commit([push([change("a", "1"), change("b", "1")])], now: Position(10))
        let mixed = [
            change("a", "2"), change("c", "1"), change("b", "", isDeleted: true), change("d", "1"), change("b", "3"),
            change("d", "2"),
        ]
        let full = push(mixed, recordsMax: 2)
        let decisions = try journal.commit([full], now: Position(20)).results[0].map(\.decision)
        #expect(
            decisions == [
                .verdict(.accepted, .newer), .recordLimit, .verdict(.accepted, .newer),
                .verdict(.accepted, .firstVersion), .recordLimit, .verdict(.accepted, .newer),
            ])
        #expect(try store.statistics(of: "s").recordCount == 2)
        // What an atomic submission counted is given back with the rest of it.
        let aborted = push(
            [change("d", "", isDeleted: true), change("e", "1"), change("f", "1")], isAtomic: true, recordsMax: 2)
        let after = push([change("g", "1")], recordsMax: 2)
        let receipt = try journal.commit([aborted, after], now: Position(30))
        #expect(receipt.results[0].map(\.decision) == [.atomicAborted, .atomicAborted, .recordLimit])
        #expect(receipt.results[1].map(\.decision) == [.recordLimit] && receipt.batches.isEmpty)
        try store.setPolicy(.merge(.plain), for: "doc")
        let merged = push([change("m", "{}", kind: "doc")], recordsMax: 2)
        #expect(try journal.commit([merged], now: Position(40)).results[0][0].decision == .recordLimit)
    }
}
