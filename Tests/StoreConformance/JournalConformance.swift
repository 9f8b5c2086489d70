import Causality
import Storage
import Testing

/// What the journal makes of a store's transaction, content by content.
@Suite struct JournalConformance {
    func change(
        _ id: Identifier, _ replica: Identifier, _ hash: Identifier, _ body: String, kind: Identifier = "note",
        at time: Int64 = 0, embedding: [Float]? = nil
    ) -> Change {
        Change(
            kind: kind, id: id, clock: VectorClock([.init(replica: replica, counter: 1)]), hash: hash,
            body: Array(body.utf8)[...], updatedAt: time, embedding: embedding, writer: "d",
            visibility: .private)
    }

    func push(_ changes: [Change], isAtomic: Bool = false) -> Submission {
        Submission(space: "s", author: "d", replica: "d", changes: changes, isAtomic: isAtomic)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aTransactionGivesRecordsPerhapsWithoutContentAndEntriesWhole(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let written = [
            entry(1, "a", body: Array("[1]".utf8), embedding: [1, -0.0]),
            entry(2, "a", author: "d2", body: Array("[2]".utf8), isSibling: true, embedding: []),
        ]
        try store.append(written)
        try store.write { (transaction) throws(StoreError) in
            _ = try transaction.lockHead(of: "s")
            let record = try transaction.records([RecordName(kind: "note", id: "a")], in: "s")[0]
            let given = record.map { [$0.head] + $0.siblings } ?? []
            #expect(given.map(bare) == written.map(bare))
            let whole = [
                try transaction.entry(at: Position(1), in: "s"), try transaction.entry(at: Position(2), in: "s"),
            ]
            #expect(whole == written)
            let absent = [
                try transaction.entry(at: Position(3), in: "s"), try transaction.entry(at: Position(1), in: "other"),
                try transaction.entry(at: .start, in: "s"),
            ]
            #expect(absent == [nil, nil, nil])
        }
    }

    private func bare(_ entry: LogEntry) -> LogEntry {
        var bare = entry
        bare.change.body = []
        bare.change.embedding = nil
        return bare
    }

    @Test(arguments: StoreUnderTest.allCases)
    func positionsRiseAndNothingIsLostWhenTheClockJumps(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        let hour: Int64 = 3_600_000_000
        let now = 500_000 * hour
        // An hour back; a year ahead; right again.
        let year = now + 8_760 * hour
        var positions: [Int64] = []
        for (number, time) in [now, now - hour, now + 1, year, now + hour, now + 2 * hour].enumerated() {
            let written = push([change(Identifier(unchecked: "\(number)"), "a", "h", "[]")])
            let result = try journal.commit([written], now: Position(time)).results[0][0]
            positions.append(try #require(result.position).microseconds)
        }
        #expect(positions == [now, now + 1, now + 2, year, year + 1, year + 2])
        #expect(try store.all().map(\.position.microseconds) == positions)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aMergeThatKeepsAStoredVersionKeepsItsContent(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        try store.setPolicy(.lastWriterWins, for: "setting")
        let stored = [
            change("lww", "a", "x", "{ \"late\" :1}", kind: "setting", at: 9, embedding: [0.5]),
            change("same", "a", "x", "{ \"first\" :1}", at: 9, embedding: [0.25]),
            change("beside", "a", "h", "[]"), change("beside", "b", "x", "{ \"sibling\" :1}", at: 9),
        ]
        _ = try journal.commit([push(stored)], now: Position(10))
        let incoming = [
            change("lww", "c", "y", "{}", kind: "setting", at: 1), change("same", "c", "x", "{}", at: 1),
            change("beside", "c", "x", "{}", at: 1),
        ]
        // Twice in one commit: the second time on what the first drafted.
        let again = [
            change("lww", "e", "z", "{}", kind: "setting", at: 2), change("same", "e", "x", "{}", at: 2),
            change("beside", "e", "x", "{}", at: 2),
        ]
        let receipt = try journal.commit([push(incoming), push(again)], now: Position(20))
        #expect(
            receipt.results[0].map(\.decision) == [
                .verdict(.stale, .lastWriterWins), .verdict(.accepted, .sameContent), .verdict(.conflict, .concurrent),
            ])
        #expect(receipt.results[0][0].stored?.change.body == stored[0].body)
        #expect(receipt.results[0][2].stored?.change == stored[2])
        let entries = try store.all()
        #expect(receipt.batches[0].entries == entries.filter { $0.position >= Position(20) })
        for (id, original) in [("lww", stored[0]), ("same", stored[1])] {
            let kept = try #require(entries.first { $0.change.id.text == id }).change
            #expect(kept.body == original.body && kept.embedding == original.embedding)
            #expect(kept.clock.entries.map(\.replica) == ["a", "c", "e"])
        }
        let sibling = try #require(entries.first { $0.isSibling }).change
        #expect(sibling.body == stored[3].body && sibling.clock.entries.map(\.replica) == ["b", "c", "e"])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func answersCarryTheStoredVersionUpToTheirBudget(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        let body = "\"" + String(repeating: "x", count: 1 << 20) + "\""
        let ids = (0..<12).map { Identifier(unchecked: "r\($0)") }
        let stored = ids.map { change($0, "a", "x", body, embedding: [1]) }
        _ = try journal.commit([push(stored)], now: Position(10))
        let concurrent = ids.map { change($0, "b", "y", "{}") }
        for isAtomic in [true, false] {
            let receipt = try journal.commit([push(concurrent, isAtomic: isAtomic)], now: Position(100))
            let told = receipt.results[0].map(\.stored?.change)
            #expect(told == stored.prefix(8).map { $0 } + [nil, nil, nil, nil])
            #expect(receipt.results[0].allSatisfy { $0.decision == .verdict(.conflict, .concurrent) })
            #expect(receipt.batches.isEmpty == isAtomic)
        }
        // One version that many items meet is read once and counts once.
        let many = (0..<40).map {
            change(ids[0], Identifier(unchecked: "c\($0)"), Identifier(unchecked: "z\($0 % 2)"), "{}")
        }
        let receipt = try journal.commit([push(many)], now: Position(200))
        #expect(receipt.results[0].allSatisfy { $0.stored?.change == stored[0] })
        #expect(try store.record(RecordKey(space: "s", kind: "note", id: ids[0]))?.head.change == stored[0])
    }
}
