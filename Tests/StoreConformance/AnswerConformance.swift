import Causality
import Storage
import Testing

/// Requests that come again are answered as they were.
@Suite struct AnswerConformance {
    func change(_ id: Identifier, _ replica: Identifier, _ counter: Int64, _ hash: Identifier = "x") -> Change {
        Change(
            kind: "note", id: id, clock: VectorClock([.init(replica: replica, counter: counter)]), hash: hash,
            body: Array("{}".utf8)[...])
    }

    func push(
        _ changes: [Change], id: String = "p", digest: UInt8 = 1, device: Identifier = "d", isAtomic: Bool = false,
        isForced: Bool = false
    ) -> Submission {
        Submission(
            space: "s", author: device, replica: device, changes: changes, isAtomic: isAtomic, isForced: isForced,
            answerKey: AnswerKey(pushID: id, digest: [digest]))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func theSameRequestIsAnsweredAlikeAndWritesNothing(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        _ = try journal.commit([push([change("a", "e", 1), change("old", "e", 5)], id: "0")], now: Position(10))
        let submissions = [
            push(
                [change("a", "d", 1, "y"), change("b", "d", 1), change("old", "e", 4), change("old", "e", 5)], id: "1"),
            push([change("c", "d", 1), change("a", "d", 9, "z")], id: "2", isAtomic: true),
            push([change("a", "d", 2, "w")], id: "3", isForced: true),
        ]
        let first = try journal.commit(submissions, now: Position(100))
        #expect(
            first.results[0].map(\.decision) == [
                .verdict(.conflict, .concurrent), .verdict(.accepted, .firstVersion), .verdict(.stale, .older),
                .verdict(.duplicate, .sameVersion),
            ])
        #expect(first.results[1].map(\.decision) == [.atomicAborted, .verdict(.conflict, .concurrent)])
        #expect(first.results[2].map(\.decision) == [.verdict(.accepted, .forced)])
        let log = try store.all()
        let second = try journal.commit(submissions, now: Position(200))
        #expect(second.batches.isEmpty)
        #expect(try store.all() == log)
        for (again, before) in zip(second.results, first.results) {
            #expect(again.map(\.decision) == before.map(\.decision))
            #expect(again.map(\.clock) == before.map(\.clock))
            #expect(again.map(\.position) == before.map(\.position))
            #expect(again.map { $0.stored == nil } == before.map { $0.stored == nil })
        }
        // The stored versions are those of now: the forced push has replaced the head.
        #expect(second.results[0][0].stored?.change.hash == "w")
        #expect(second.results[0][2].stored == first.results[0][2].stored)
    }

    @Test func aTimeOutOfADamagedStoreIsOld() {
        let now = Position(1_800_000_000_000_000)
        #expect(KeptAnswer(keptAt: Position(.min), items: []).isExpired(at: now))
        #expect(!KeptAnswer(keptAt: Position(.max), items: []).isExpired(at: now))
        #expect(!KeptAnswer(keptAt: Position(now.microseconds - KeptAnswer.ageMax), items: []).isExpired(at: now))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func twoInOneCommitAreOne(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let twice = push([change("a", "d", 1)])
        let receipt = try Journal(store: store).commit([twice, twice], now: Position(10))
        #expect(receipt.results[0] == receipt.results[1])
        #expect(receipt.results[1].map(\.decision) == [.verdict(.accepted, .firstVersion)])
        #expect(try store.all().count == 1)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func anotherContentDeviceOrSpaceIsAnotherPush(_ kind: StoreUnderTest) throws {
        let journal = Journal(store: try kind.open())
        _ = try journal.commit([push([change("a", "d", 1)])], now: Position(10))
        var elsewhere = push([change("a", "d", 1)])
        elsewhere.space = "t"
        let others = [push([change("a", "d", 2)], digest: 2), push([change("a", "d", 2)], device: "e"), elsewhere]
        let results = try journal.commit(others, now: Position(20)).results.map { $0.map(\.decision) }
        #expect(
            results == [
                [.verdict(.accepted, .newer)], [.verdict(.duplicate, .sameVersion)],
                [.verdict(.accepted, .firstVersion)],
            ])
        // Both contents under the one id are still known.
        let again = try journal.commit([push([change("a", "d", 1)]), others[0]], now: Position(30)).results
        #expect(again.map { $0.map(\.decision) } == [[.verdict(.accepted, .firstVersion)], results[0]])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func anAnswerOfACommitThatFailedIsNotKept(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let key = AnswerKey(pushID: "p", digest: [1])
        #expect(throws: StoreError.refused("no")) {
            try store.write { (transaction) throws(StoreError) in
                _ = try transaction.lockHead(of: "s")
                try transaction.keep(KeptAnswer(keptAt: Position(1), items: [1]), to: key, of: "d", in: "s")
                throw .refused("no")
            }
        }
        let kept = try store.write { (transaction) throws(StoreError) in
            try transaction.answer(to: key, of: "d", in: "s")
        }
        #expect(kept == nil)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func answersAreBoundedByNumberAgeAndBytes(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        func keep(_ number: Int, at time: Int64, bytes: Int = 1, device: Identifier = "d") throws {
            try store.write { (transaction) throws(StoreError) in
                try transaction.keep(
                    KeptAnswer(keptAt: Position(time), items: Array(repeating: 7, count: bytes)),
                    to: AnswerKey(pushID: "\(number)", digest: [1]), of: device, in: "s")
            }
        }
        func kept(_ numbers: Range<Int>, device: Identifier = "d") throws -> [Int] {
            try store.write { (transaction) throws(StoreError) in
                var found: [Int] = []
                for number in numbers {
                    let key = AnswerKey(pushID: "\(number)", digest: [1])
                    if try transaction.answer(to: key, of: device, in: "s") != nil { found.append(number) }
                }
                return found
            }
        }
        for number in 0..<300 { try keep(number, at: Int64(number)) }
        try keep(0, at: 300, device: "other")
        #expect(try kept(0..<300) == Array(300 - KeptAnswer.countMax..<300))
        try keep(300, at: 301, bytes: KeptAnswer.deviceBytesMax - 10)
        #expect(try kept(0..<301) == Array(290...300))
        try keep(301, at: 299 + KeptAnswer.ageMax)
        #expect(try kept(290..<302) == [299, 300, 301])
        #expect(try kept(0..<1, device: "other") == [0])
        // The newest stays whatever its size; an answer kept anew is the newest.
        try keep(302, at: 302 + KeptAnswer.ageMax, bytes: KeptAnswer.deviceBytesMax + 10)
        #expect(try kept(290..<303) == [302])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func anAnswerOfADayAgoIsForgotten(_ kind: StoreUnderTest) throws {
        let journal = Journal(store: try kind.open())
        let submission = push([change("a", "d", 1)])
        _ = try journal.commit([submission], now: Position(1_000))
        let soon = try journal.commit([submission], now: Position(1_000 + KeptAnswer.ageMax))
        #expect(soon.results[0].map(\.decision) == [.verdict(.accepted, .firstVersion)])
        let late = try journal.commit([submission], now: Position(1_001 + KeptAnswer.ageMax))
        #expect(late.results[0].map(\.decision) == [.verdict(.duplicate, .sameVersion)])
    }
}
