import Causality
import Storage
import Testing

/// A commit merges so much and no more; what is over it is put off, and nothing of it is written.
@Suite struct MergeWorkConformance {
    func task(_ id: String, _ replica: Identifier, _ counter: Int64, over base: Int64 = 1) -> Change {
        let clock = VectorClock([.init(replica: "a", counter: base), .init(replica: replica, counter: counter)])
        let body = Array("{\"\(replica)\":\(counter),\"text\":\"\(String(repeating: "x", count: 2_000))\"}".utf8)
        return Change(
            kind: "task", id: Identifier(unchecked: id), clock: clock,
            hash: Identifier(unchecked: "\(replica)\(counter)"), body: body[...], updatedAt: counter)
    }

    func push(
        _ changes: [Change], space: Identifier = "s", isAtomic: Bool = false, answerKey: AnswerKey? = nil
    ) -> Submission {
        Submission(
            space: space, author: "d", replica: "d", changes: changes, isAtomic: isAtomic, answerKey: answerKey)
    }

    func open(_ kind: StoreUnderTest, spaces: [Identifier] = ["s"]) throws -> any Store {
        let store = try kind.open()
        try store.setPolicy(.merge(.plain), for: "task")
        let bases = spaces.map { space in push((0..<8).map { task("\($0)", "a", 1) }, space: space) }
        _ = try Journal(store: store, contentHash: MergeConformance.hash).commit(bases, now: Position(10))
        return store
    }

    /// Edits that nobody has seen: each is merged with all before it.
    func forks(_ replicas: ClosedRange<Int>, of ids: Range<Int> = 0..<8) -> [Change] {
        replicas.flatMap { replica in ids.map { task("\($0)", Identifier(unchecked: "w\(replica)"), 1) } }
    }

    func decisions(_ results: [ItemResult]) -> [Bool] { results.map { $0.decision == .overloaded } }

    @Test(arguments: StoreUnderTest.allCases)
    func whatIsOverTheWorkOfACommitIsPutOffAloneAndGoesThroughWhenItComesAgain(_ kind: StoreUnderTest) throws {
        let (store, unbounded) = (try open(kind), try open(kind))
        let journal = Journal(store: store, contentHash: MergeConformance.hash, mergeWorkMax: 20_000)
        let pushed = forks(1...3) + [task("new", "a", 1)]
        var left = pushed
        var rounds = 0
        while !left.isEmpty, rounds < 100 {
            rounds += 1
            let receipt = try journal.commit([push(left)], now: Position(Int64(rounds) * 100))
            let putOff = decisions(receipt.results[0])
            #expect(putOff[0] == false)
            // Once the work is used up it is for all that come after.
            #expect(putOff == putOff.sorted { !$0 && $1 })
            for (result, change) in zip(receipt.results[0], left) where result.decision == .overloaded {
                #expect(result.clock == change.clock && result.position == nil && result.stored == nil)
            }
            #expect(receipt.batches.isEmpty == false)
            left = zip(left, putOff).filter(\.1).map(\.0)
        }
        #expect(rounds > 2 && left.isEmpty)
        let whole = try Journal(store: unbounded, contentHash: MergeConformance.hash).commit(
            [push(pushed)], now: Position(100))
        #expect(!decisions(whole.results[0]).contains(true))
        let bodies = { (store: any Store) in try store.all().map(\.change).sorted { $0.id < $1.id } }
        #expect(try bodies(store) == bodies(unbounded))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func theFirstMergedItemOfAPushGoesThroughWhateverItCosts(_ kind: StoreUnderTest) throws {
        let store = try open(kind)
        let journal = Journal(store: store, contentHash: MergeConformance.hash, mergeWorkMax: 1)
        for replica in 1...4 {
            let receipt = try journal.commit([push(forks(replica...replica, of: 0..<2))], now: Position(100))
            #expect(decisions(receipt.results[0]) == [false, true])
        }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aPushThatComesAgainAsAWholeGetsFurtherThanBefore(_ kind: StoreUnderTest) throws {
        let store = try open(kind)
        let journal = Journal(store: store, contentHash: MergeConformance.hash, mergeWorkMax: 12_000)
        let pushed = forks(1...2)
        var counts: [Int] = []
        for round in 0..<60 where counts.last != 0 {
            let results = try journal.commit([push(pushed)], now: Position(Int64(round) * 100)).results[0]
            counts.append(decisions(results).count { $0 })
        }
        #expect(counts.last == 0 && counts.count > 2)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func anAtomicPushThatIsOverIsAbortedAndItsAnswerIsNotKept(_ kind: StoreUnderTest) throws {
        let store = try open(kind)
        let before = try store.all()
        let key = AnswerKey(pushID: "p", digest: [1])
        let atomic = push(forks(1...1), isAtomic: true, answerKey: key)
        let tight = Journal(store: store, contentHash: MergeConformance.hash, mergeWorkMax: 1)
        let aborted = try tight.commit([atomic], now: Position(100))
        #expect(aborted.results[0].first?.decision == .atomicAborted && decisions(aborted.results[0]).last == true)
        #expect(try aborted.batches.isEmpty && store.all() == before)
        let loose = Journal(store: store, contentHash: MergeConformance.hash)
        let receipt = try loose.commit([atomic], now: Position(200))
        #expect(receipt.results[0].allSatisfy { $0.isSuccess })
        #expect(
            try loose.commit([atomic], now: Position(300)).results[0].map(\.position)
                == receipt.results[0].map(\.position))
        // Of a push that is not atomic, too.
        let partly = push(forks(2...2), answerKey: AnswerKey(pushID: "q", digest: [2]))
        #expect(try decisions(tight.commit([partly], now: Position(400)).results[0]).contains(true))
        let again = try loose.commit([partly], now: Position(500)).results[0]
        #expect(!decisions(again).contains(true) && again[0].decision == .verdict(.duplicate, .sameVersion))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func noSpaceSpendsTheShareOfAnother(_ kind: StoreUnderTest) throws {
        let store = try open(kind, spaces: ["first", "second"])
        let journal = Journal(store: store, contentHash: MergeConformance.hash, mergeWorkMax: 20_000)
        let receipt = try journal.commit(
            [push(forks(1...8), space: "first"), push(forks(1...1, of: 0..<2), space: "second")], now: Position(100))
        #expect(decisions(receipt.results[0]).contains(true) && !decisions(receipt.results[1]).contains(true))
    }
}
