import Causality
import Foundation
import Storage
import Testing

@Suite struct LogConformance {
    @Test(arguments: StoreUnderTest.allCases)
    func aThrowRollsEverythingBack(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.append([entry(1, "a"), entry(2, "b")])
        #expect(throws: StoreError.refused("no")) {
            try store.write { (transaction) throws(StoreError) in
                try transaction.append(
                    [entry(3, "a"), entry(4, "c")], ending: [Position(1)], in: "s", head: Position(4))
                try transaction.append([entry(9, "x")], ending: [], in: "other", head: Position(9))
                throw .refused("no")
            }
        }
        #expect(try store.all() == [entry(1, "a"), entry(2, "b")])
        #expect(try store.head(of: "s") == Position(2) && store.head(of: "other") == .start)
        #expect(try store.record(RecordKey(space: "s", kind: "note", id: "a"))?.head == entry(1, "a"))
        #expect(try store.record(RecordKey(space: "s", kind: "note", id: "c")) == nil)
        #expect(try store.statistics(of: "s").recordCount == 2)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func whatIsWrittenComesBackByteForByte(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let bodies = ["", " {\t\"a\" :\r\n\"\\u0000\" } ", "\"Gr\u{fc}\u{df}e \u{1F514} \u{2028}\"", "1.0e+00"]
        let odd: [Float] = [-0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1, -1]
        let written = bodies.enumerated().map { index, body in
            entry(Int64(index) + 1, "\(index)", body: Array(body.utf8), embedding: index == 0 ? odd : nil)
        }
        try store.append(written)
        let read = try store.all()
        #expect(read == written)
        #expect(read[0].change.embedding?.map(\.bitPattern) == odd.map(\.bitPattern))
        #expect(try store.record(RecordKey(space: "s", kind: "note", id: "1"))?.head == written[1])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func pagesChainWithoutGapAndStopAtRowsAndBytes(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let body = [UInt8](repeating: 0x31, count: 100)
        try store.append((1...50).map { entry($0 * 10, "\($0)", body: body) })
        var after = Position.start
        var seen: [LogEntry] = []
        while true {
            let page = try store.page(PageQuery(space: "s", after: after, limit: 7))
            #expect(page.entries.count == 7 || !page.hasMore)
            seen += page.entries
            after = page.upTo
            // A write between two pages lies behind what was read.
            if seen.count == 14 { try store.append([entry(600, "1", body: body)], ending: [10]) }
            if !page.hasMore { break }
        }
        #expect(seen.map(\.position.microseconds) == (1...50).map { $0 * 10 } + [600])
        #expect(after == Position(600))
        let bytesMax = entry(1, "1", body: body).change.encodedBytesEstimate * 5 / 2
        #expect(try store.page(PageQuery(space: "s", after: .start, bytesMax: bytesMax)).entries.count == 3)
        #expect(try store.page(PageQuery(space: "s", after: .start, bytesMax: 0)).entries.count == 1)
        let cut = try store.page(PageQuery(space: "s", after: .start, upTo: Position(45)))
        #expect(cut.entries.map(\.position.microseconds) == [20, 30, 40] && cut.upTo == Position(45) && !cut.hasMore)
        #expect(try store.page(PageQuery(space: "s", after: Position(700))).upTo == Position(700))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func whatExplainsAnEntryCountsInAPagesBytes(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let explained = (1...30).map { position in
            var told = entry(Int64(position), "\(position)")
            told.reason = .merged
            told.detail = String(repeating: "x", count: LogEntry.detailBytesMax)
            return told
        }
        try store.append(explained)
        let page = try store.page(PageQuery(space: "s", after: .start, bytesMax: 10 << 10))
        #expect((10...20).contains(page.entries.count))
        let listed = try store.records(RecordQuery(space: "s", bytesMax: 10 << 10)).records
        #expect((10...20).contains(listed.count))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func embeddingsAndClocksCountInAPagesBytes(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let embedding = [Float](repeating: -0.0123456, count: Change.embeddingCountMax)
        try store.append((1...30).map { entry($0, "\($0)", body: Array("{}".utf8), embedding: embedding) })
        let page = try store.page(PageQuery(space: "s", after: .start, bytesMax: 1 << 20))
        #expect((8...10).contains(page.entries.count) && page.hasMore)
        let crowd = VectorClock(
            (0..<1_000).map { .init(replica: Identifier(unchecked: "replica-\($0)-of-many"), counter: 1 << 40) })
        var wide = (1...30).map { entry($0, "\($0)", body: Array("{}".utf8)) }
        for index in wide.indices { wide[index].change.clock = crowd }
        try store.append(wide, in: "wide")
        let crowded = try store.page(PageQuery(space: "wide", after: .start, bytesMax: 256 << 10))
        #expect((4...8).contains(crowded.entries.count) && crowded.hasMore)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func filtersLeaveNothingElseOut(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.append(
            (1...60).map {
                entry(
                    $0, "\($0)", kind: $0 % 2 == 0 ? "task" : "note", namespace: $0 % 3 == 0 ? "work" : "home",
                    author: $0 % 5 == 0 ? "d2" : "d1")
            })
        var query = PageQuery(space: "s", after: .start, limit: 3, kinds: ["task", "none"], namespaces: ["work"])
        query.excludedAuthor = "d2"
        var seen: [Int64] = []
        while true {
            let page = try store.page(query)
            seen += page.entries.map(\.position.microseconds)
            query.after = page.upTo
            if !page.hasMore { break }
        }
        #expect(seen == [6, 12, 18, 24, 36, 42, 48, 54])
        #expect(query.after == Position(60))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func endedVersionsAreGoneAndSiblingsStand(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.append([entry(1, "a"), entry(2, "a", isSibling: true), entry(3, "a", author: "d2", isSibling: true)])
        try store.append([entry(4, "a")], ending: [1, 2])
        let record = try #require(try store.record(RecordKey(space: "s", kind: "note", id: "a")))
        #expect(record.head == entry(4, "a") && record.siblings.map(\.position.microseconds) == [3])
        try store.append([entry(5, "b", isDeleted: true)])
        let expected = SpaceStatistics(head: Position(5), recordCount: 1, deletedCount: 1, siblingCount: 1)
        #expect(try store.statistics(of: "s") == expected)
        for round in 0..<300 {
            try store.append([entry(Int64(6 + round), "a")], ending: [round == 0 ? 4 : Int64(5 + round)])
        }
        #expect(try store.all().map(\.position.microseconds) == [3, 5, 305])
        #expect(try store.record(RecordKey(space: "s", kind: "note", id: "a"))?.head.position == Position(305))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func spacesDoNotReachEachOther(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.append([entry(1, "a")], in: "mine")
        try store.append([entry(1, "a", author: "d2")], in: "yours")
        try store.append([entry(2, "a")], ending: [1], in: "mine")
        #expect(try store.all(of: "yours") == [entry(1, "a", author: "d2")])
        #expect(try store.record(RecordKey(space: "nobodys", kind: "note", id: "a")) == nil)
        #expect(try store.page(PageQuery(space: "nobodys", after: .start)).entries.isEmpty)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func concurrentWritersChainAndReadersSeeWholeCommits(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        DispatchQueue.concurrentPerform(iterations: 4) { writer in
            for round in 0..<25 {
                do {
                    let changes = (0..<3).map { entry(1, "\(writer)-\(round)-\($0)").change }
                    let submission = Submission(space: "s", author: "d", replica: "d", changes: changes)
                    _ = try Journal(store: store).commit([submission], now: .start)
                    #expect(try store.all().count % 3 == 0)
                } catch {
                    Issue.record(error)
                }
            }
        }
        #expect(try store.all().map(\.position.microseconds) == Array(1...300))
        #expect(try store.head(of: "s") == Position(300))
    }
}
