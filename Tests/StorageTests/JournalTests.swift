import Causality
import Storage
import Testing

@Suite struct JournalTests {
    let store = MemoryStore(generation: Generation(1))
    var journal: Journal { Journal(store: store) }

    func change(
        _ id: Identifier, _ replica: Identifier, _ counter: Int64, _ hash: Identifier, over: [VectorClock] = []
    ) -> Change {
        Change(
            kind: "note", id: id, clock: VectorClock([.init(replica: replica, counter: counter)]), hash: hash,
            body: Array("{}".utf8)[...], writer: "d", supersedes: over, visibility: .private)
    }

    func push(_ changes: [Change], to space: Identifier = "s", isAtomic: Bool = false) -> Submission {
        Submission(space: space, author: "d", replica: "d", changes: changes, isAtomic: isAtomic)
    }

    @Test func oneBadItemAbortsAnAtomicPushAndNoOther() throws {
        _ = try journal.commit([push([change("1", "a", 2, "x")])], now: Position(10))
        let mixed = [change("2", "a", 1, "y"), change("1", "a", 1, "w")]
        let receipt = try journal.commit([push(mixed, isAtomic: true), push([change("3", "a", 1, "z")])], now: .start)
        #expect(receipt.results[0].map(\.decision) == [.atomicAborted, .verdict(.stale, .older)])
        #expect(receipt.results[1].map(\.position) == [Position(11)])
        #expect(try store.record(RecordKey(space: "s", kind: "note", id: "2")) == nil)
        let parted = try journal.commit([push(mixed)], now: .start)
        #expect(parted.results[0].map(\.decision) == [.verdict(.accepted, .firstVersion), .verdict(.stale, .older)])
    }

    @Test func anAbortedPushLeavesTheCommitAsTheOnesBeforeItLeftIt() throws {
        let stored = push([change("1", "a", 2, "x"), change("2", "a", 1, "x"), change("5", "a", 1, "x")])
        _ = try journal.commit([stored], now: Position(10))
        let before = push([change("1", "a", 3, "y"), change("3", "a", 1, "y"), change("3", "b", 1, "beside")])
        // Replaces drafted and stored heads, places twice in one record, adds one, and then fails.
        let resolving = change("3", "a", 2, "z", over: [before.changes[2].clock])
        let aborted = push(
            [
                change("1", "a", 4, "z"), change("1", "a", 5, "z"), change("2", "a", 2, "z"), resolving,
                change("4", "a", 1, "z"), change("5", "a", 2, "z"), change("1", "a", 1, "old"),
            ], isAtomic: true)
        let after = push([change("2", "a", 3, "w"), change("4", "a", 9, "w")], isAtomic: true)
        let receipt = try journal.commit([before, aborted, after], now: .start)
        #expect(receipt.results[1].map(\.decision).dropLast().allSatisfy { $0 == .atomicAborted })
        #expect(receipt.results[1].map { $0.stored?.change.hash } == ["y", "y", "x", "y", nil, "x", "y"])
        let other = MemoryStore(generation: Generation(1))
        let plain = Journal(store: other)
        _ = try plain.commit([stored], now: Position(10))
        let expected = try plain.commit([before, after], now: .start)
        #expect(receipt.batches[0].entries == expected.batches[0].entries)
        #expect(receipt.batches[0].upTo == expected.batches[0].upTo)
        let all = PageQuery(space: "s", after: .start)
        #expect(try store.page(all).entries == other.page(all).entries)
    }

    @Test func manyAtomicPushesOfOneItemTakeTimeInProportion() throws {
        let pushes = (0..<20_000).map { index in
            push([change(Identifier(unchecked: "r\(index)"), "a", 1, "x")], isAtomic: true)
        }
        let began = ContinuousClock.now
        let receipt = try journal.commit(pushes, now: Position(1))
        // A copy of the draft for each would copy 200 million records; the undo log takes under 1 s in debug builds.
        #expect(ContinuousClock.now - began < .seconds(20))
        #expect(receipt.batches[0].entries.count == 20_000)
    }

    @Test func ofSeveralVersionsInOneCommitTheLogKeepsTheNewest() throws {
        let changes = [change("1", "a", 1, "x"), change("1", "a", 2, "y"), change("1", "b", 1, "z")]
        let receipt = try journal.commit([push(changes)], now: Position(10))
        #expect(receipt.batches.count == 1)
        let batch = try #require(receipt.batches.first)
        #expect(batch.after == .start && batch.upTo == Position(12))
        #expect(batch.entries.map(\.change.hash) == ["y", "z"] && batch.entries.map(\.isSibling) == [false, true])
        #expect(try store.page(PageQuery(space: "s", after: .start)).entries == batch.entries)
    }

    @Test func aClockOverTheLimitsIsRefusedAndNothingWritten() throws {
        let first = change("1", "d", VectorClock.counterMax, "x")
        _ = try journal.commit([push([first])], now: Position(10))
        var forced = push([change("1", "d", VectorClock.counterMax, "y"), change("2", "a", 1, "z")], isAtomic: true)
        forced.isForced = true
        let aborted = try journal.commit([forced], now: .start)
        #expect(aborted.results[0].map(\.decision) == [.clockLimit, .atomicAborted] && aborted.batches.isEmpty)
        forced.isAtomic = false
        let receipt = try journal.commit([forced], now: .start)
        #expect(receipt.results[0].map(\.decision) == [.clockLimit, .verdict(.accepted, .firstVersion)])
        #expect(receipt.results[0][0].position == nil && receipt.results[0][0].stored?.change == first)
        #expect(receipt.results[0][0].clock == first.clock)
        #expect(try store.record(RecordKey(space: "s", kind: "note", id: "1"))?.head.change == first)
    }

    @Test func batchesOfOneSpaceChain() throws {
        let first = try journal.commit(
            [push([change("1", "a", 1, "x")], to: "p"), push([change("1", "a", 1, "x")], to: "q")], now: Position(5))
        #expect(first.batches.map(\.space) == ["p", "q"])
        let second = try journal.commit([push([change("2", "a", 1, "x")], to: "q")], now: Position(3))
        #expect(second.batches.map(\.after) == [Position(5)] && second.batches.map(\.upTo) == [Position(6)])
        #expect(try journal.commit([push([change("2", "a", 1, "x")], to: "q")], now: .start).batches.isEmpty)
    }
}
