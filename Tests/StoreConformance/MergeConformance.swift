import Causality
import GRDB
import SQLiteStore
import Storage
import Testing

/// Policies, histories and reasons, and what the journal makes of them, on every store.
@Suite struct MergeConformance {
    static let hash: Journal.ContentHash = { Identifier(unchecked: "#" + String(decoding: $0, as: UTF8.self)) }
    let name = RecordName(kind: "task", id: "1")

    func votes() throws -> ConflictPolicy {
        .merge(try MergeRule([.init(try #require(FieldPath("votes")), .counter)]))
    }

    func task(_ counters: [String: Int64], _ body: String, id: Identifier = "1", at time: Int64 = 0) -> Change {
        let clock = VectorClock(counters.map { .init(replica: Identifier(unchecked: $0.key), counter: $0.value) })
        let bytes = ArraySlice(body.utf8)
        return Change(
            kind: "task", id: id, clock: clock, hash: MergeConformance.hash(bytes), body: bytes, updatedAt: time,
            writer: "w")
    }

    func push(_ changes: [Change], by author: Identifier = "d", isAtomic: Bool = false) -> Submission {
        Submission(space: "s", author: author, replica: author, changes: changes, isAtomic: isAtomic)
    }

    func history(_ store: any Store, _ id: Identifier = "1", in space: Identifier = "s") throws -> [HistoryVersion] {
        try store.write { (transaction) throws(StoreError) in
            try transaction.history(of: RecordName(kind: "task", id: id), in: space)
        }
    }

    func head(_ store: any Store, _ id: Identifier = "1") throws -> LogEntry {
        try #require(try store.record(RecordKey(space: "s", kind: "task", id: id))).head
    }

    func text(_ entry: LogEntry) -> String { String(decoding: entry.change.body, as: UTF8.self) }

    @Test(arguments: StoreUnderTest.allCases)
    func reasonsComeBackWithTheEntryAndNotWithoutContent(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        var written = entry(1, "a")
        written.reason = .merged
        written.detail = "Merged: `gr\u{fc}n` united."
        try store.append([written])
        let others = Reason.allCases.enumerated().map { index, reason in
            var other = entry(Int64(index) + 2, "b\(index)")
            other.reason = reason
            return other
        }
        try store.append(others)
        #expect(try store.all() == [written] + others)
        #expect(try store.record(RecordKey(space: "s", kind: "note", id: "a"))?.head == written)
        try store.write { (transaction) throws(StoreError) in
            #expect(try transaction.entry(at: Position(1), in: "s") == written)
        }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func policiesAreKeptUntilTheyAreCleared(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let fields = try [("a", MergeRule.FieldKind.set), ("b\\.c.d e", .text), ("\u{301}f", .scalar)].map {
            MergeRule.Field(try #require(FieldPath($0.0)), $0.1)
        }
        let rule = try MergeRule(fields)
        let seen = { () throws in
            try store.write { (transaction) throws(StoreError) in try transaction.policies() }
        }
        #expect(try seen().isEmpty)
        try store.setPolicy(.merge(rule), for: "task")
        try store.setPolicy(.lastWriterWins, for: "presence")
        try store.setPolicy(.merge(.plain), for: "presence")
        try store.setPolicy(.manual, for: "gr\u{fc}n")
        let expected: [Identifier: ConflictPolicy] = [
            "task": .merge(rule), "presence": .merge(.plain), "gr\u{fc}n": .manual,
        ]
        #expect(try store.policies() == expected && seen() == expected)
        try store.setPolicy(nil, for: "task")
        try store.setPolicy(nil, for: "never")
        #expect(try seen()["task"] == nil && seen().count == 2)
        for number in 2..<StoredPolicy.policiesMax {
            try store.setPolicy(.manual, for: Identifier(unchecked: "k\(number)"))
        }
        #expect(throws: StoreError.self) { try store.setPolicy(.manual, for: "one more") }
        try store.setPolicy(.lastWriterWins, for: "k9")
        #expect(try seen().count == StoredPolicy.policiesMax && seen()["k9"] == .lastWriterWins)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func historyIsWholeBoundToItsRecordAndRolledBackWithTheRest(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.append([entry(1, "a")])
        try store.append([entry(1, "a")], in: "other")
        var odd = task(["a": 1, "b": 2], "{ \"x\":\"\\u0000\" }", at: -5)
        odd.embedding = [0.5, -0.0]
        odd.isDeleted = true
        odd.namespace = "work"
        odd.schemaVersion = 7
        let versions = [HistoryVersion(number: 3, change: odd), HistoryVersion(number: 4, change: task(["a": 2], ""))]
        let edit = HistoryEdit(name: name, removed: [], added: versions)
        try store.write { (transaction) throws(StoreError) in try transaction.revise([edit], in: "s") }
        #expect(try history(store) == versions)
        #expect(try history(store, "2").isEmpty && history(store, in: "other").isEmpty)
        #expect(throws: StoreError.refused("no")) {
            try store.write { (transaction) throws(StoreError) in
                let added = [HistoryVersion(number: 5, change: odd)]
                try transaction.revise([HistoryEdit(name: name, removed: [3], added: added)], in: "s")
                try transaction.revise([HistoryEdit(name: name, removed: [4, 5], added: [])], in: "s")
                throw .refused("no")
            }
        }
        #expect(try history(store) == versions)
        try store.write { (transaction) throws(StoreError) in
            let added = [HistoryVersion(number: 5, change: odd)]
            try transaction.revise([HistoryEdit(name: name, removed: [3], added: added)], in: "s")
        }
        #expect(try history(store).map(\.number) == [4, 5])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func concurrentEditsAreMergedAndEverybodyIsTold(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.setPolicy(try votes(), for: "task")
        let journal = Journal(store: store, contentHash: MergeConformance.hash)
        _ = try journal.commit([push([task(["a": 1], "{\"votes\":1}")], by: "a")], now: Position(10))
        let left = task(["a": 2], "{\"votes\":2}", at: 5)
        let right = task(["a": 1, "b": 1], "{\"votes\":4,\"x\":1}", at: 3)
        _ = try journal.commit([push([left], by: "a")], now: Position(20))
        let receipt = try journal.commit([push([right], by: "b")], now: Position(30))
        let result = receipt.results[0][0]
        #expect(result.decision == .verdict(.accepted, .merged) && result.position == Position(30))
        #expect(result.clock == right.clock && result.stored == receipt.batches[0].entries[0])
        let merged = try head(store)
        #expect(merged == result.stored && text(merged) == "{\"votes\":5,\"x\":1}")
        #expect(merged.author == "" && merged.reason == .merged && merged.detail.contains("`votes` added up"))
        #expect(merged.change.clock == left.clock.merged(with: right.clock))
        #expect(merged.change.hash == MergeConformance.hash(merged.change.body))
        let again = try journal.commit([push([right], by: "b"), push([left], by: "a")], now: Position(40))
        #expect(again.results.map { $0[0].decision } == Array(repeating: .verdict(.duplicate, .sameVersion), count: 2))
        #expect(again.results.allSatisfy { $0[0].stored == merged } && again.batches.isEmpty)
        let late = task(["a": 1, "c": 1], "{\"votes\":1,\"y\":1}")
        _ = try journal.commit([push([late], by: "c")], now: Position(50))
        #expect(try text(head(store)) == "{\"votes\":5,\"x\":1,\"y\":1}")
    }

    @Test(arguments: StoreUnderTest.allCases)
    func anAncestorThatComesLateRewritesTheHead(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.setPolicy(try votes(), for: "task")
        let journal = Journal(store: store, contentHash: MergeConformance.hash)
        let apart = [task(["a": 2], "{\"votes\":2}"), task(["a": 1, "b": 1], "{\"votes\":4}", at: 1)]
        _ = try journal.commit([push([apart[0]]), push([apart[1]])], now: Position(10))
        let before = try #require(try store.record(RecordKey(space: "s", kind: "task", id: "1")))
        #expect(before.siblings.map(\.reason) == [.noAncestor] && before.siblings[0].author == "")
        let base = task(["a": 1], "{\"votes\":1}")
        // A push that is nothing but an ancestor of the head alone moves no position.
        let old = task(["a": 2], "{\"votes\":2}", id: "2")
        _ = try journal.commit([push([old])], now: Position(20))
        let stale = try journal.commit([push([task(["a": 1], "{\"votes\":1}", id: "2")])], now: Position(25))
        #expect(stale.results[0][0].decision == .verdict(.stale, .older) && stale.batches.isEmpty)
        #expect(try history(store, "2").count == 2)
        let receipt = try journal.commit([push([base])], now: Position(30))
        #expect(receipt.results[0][0].decision == .verdict(.stale, .older))
        #expect(receipt.results[0][0].stored == receipt.batches[0].entries.first)
        let after = try #require(try store.record(RecordKey(space: "s", kind: "task", id: "1")))
        #expect(after.siblings.isEmpty && text(after.head) == "{\"votes\":5}")
        #expect(try store.statistics(of: "s").siblingCount == 0)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func anAbortedPushLeavesNoTraceInTheHistory(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.setPolicy(.merge(.plain), for: "task")
        let journal = Journal(store: store, contentHash: MergeConformance.hash)
        _ = try journal.commit([push([task(["a": 1], "{}")])], now: Position(10))
        let kept = task(["a": 1, "b": 1], "{\"b\":1}")
        let aborted = [
            task(["a": 1, "c": 1], "{\"c\":1}"), task(["a": 1], "{}", id: "2"), task(["z": 1], "{\"z\":1}"),
        ]
        let receipt = try journal.commit(
            [push([kept]), push(aborted, isAtomic: true), push([task(["a": 1, "d": 1], "{\"d\":1}")])],
            now: Position(20))
        #expect(
            receipt.results[1].map(\.decision) == [
                .atomicAborted, .atomicAborted, .verdict(.conflict, .noAncestor),
            ])
        #expect(
            try history(store).map { String(decoding: $0.change.body, as: UTF8.self) } == [
                "{}", "{\"b\":1}", "{\"d\":1}",
            ])
        #expect(try history(store, "2").isEmpty)
        #expect(try text(head(store)) == "{\"b\":1,\"d\":1}" || text(head(store)) == "{\"d\":1,\"b\":1}")
    }

    @Test(arguments: StoreUnderTest.allCases)
    func whenAKindBecomesMergedItsHeadsAreTheBase(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store, contentHash: MergeConformance.hash)
        _ = try journal.commit([push([task(["a": 1], "{\"votes\":1}")])], now: Position(10))
        #expect(try history(store).isEmpty)
        try store.setPolicy(try votes(), for: "task")
        let forks = [task(["a": 2], "{\"votes\":2}"), task(["a": 1, "b": 1], "{\"votes\":3}")]
        _ = try journal.commit([push(forks)], now: Position(20))
        #expect(try text(head(store)) == "{\"votes\":4}" && history(store).count == 3)
        // Another rule is no end of the history; another policy is.
        try store.setPolicy(.merge(.plain), for: "task")
        #expect(try history(store).count == 3)
        try store.setPolicy(.lastWriterWins, for: "task")
        #expect(try history(store).isEmpty)
        _ = try journal.commit([push([task(["a": 3, "b": 1], "{\"votes\":9}")])], now: Position(30))
        #expect(try history(store).isEmpty)
    }

    @Test func aFileFromBeforeMergingIsMigrated() throws {
        let path = temporaryPath()
        var store: SQLiteStore? = try SQLiteStore(path: path)
        try store?.append([entry(1, "a"), entry(2, "a", author: "d2", isSibling: true)])
        store = nil
        // A file as the step before left it.
        try DatabaseQueue(path: path).write { database in
            try database.execute(
                sql: """
                    ALTER TABLE versions DROP COLUMN reason;
                    ALTER TABLE versions DROP COLUMN detail;
                    ALTER TABLE versions DROP COLUMN owner;
                    ALTER TABLE versions RENAME COLUMN flags TO is_deleted;
                    DROP TABLE policies;
                    DROP TABLE history;
                    ALTER TABLE log_life DROP COLUMN is_unfinished;
                    ALTER TABLE devices DROP COLUMN connected_until;
                    DROP TABLE revocations;
                    DROP TABLE notes;
                    DROP TABLE members;
                    DROP TABLE teams;
                    DROP INDEX users_by_email;
                    ALTER TABLE users DROP COLUMN email;
                    ALTER TABLE users DROP COLUMN tier;
                    ALTER TABLE users DROP COLUMN device_limit;
                    ALTER TABLE users DROP COLUMN record_limit;
                    ALTER TABLE users DROP COLUMN password_hash;
                    ALTER TABLE keys DROP COLUMN encryption_salt;
                    ALTER TABLE devices DROP COLUMN client_version;
                    CREATE INDEX keys_by_revocation ON keys (revoked_at) WHERE revoked_at IS NOT NULL;
                    PRAGMA user_version = 2;
                    """)
        }
        let migrated = try SQLiteStore(path: path)
        #expect(try migrated.all() == [entry(1, "a"), entry(2, "a", author: "d2", isSibling: true)])
        try migrated.setPolicy(.merge(.plain), for: "task")
        let journal = Journal(store: migrated, contentHash: MergeConformance.hash)
        _ = try journal.commit([push([task(["a": 1], "{}")])], now: Position(10))
        let again = try SQLiteStore(path: path)
        #expect(try history(again).count == 1 && again.policies() == ["task": .merge(.plain)])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aVersionThatIsForgottenInTheCommitThatBroughtItTakesNoOthersPlace(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.setPolicy(.merge(.plain), for: "task")
        let journal = Journal(store: store, contentHash: MergeConformance.hash)
        let late = { (replica: String) in self.task([replica: 1], "{\"\(replica)\":1}") }
        let base: [String: Int64] = ["x": 1, "y": 1]
        let chain = (1...32).map { count in
            self.task(base.merging(["a": Int64(count)]) { $1 }, "{\"n\":\(count)}", at: Int64(count))
        }
        for change in chain[..<31] { _ = try journal.commit([push([change])], now: Position(10)) }
        _ = try journal.commit([push([late("x")])], now: Position(20))
        #expect(try history(store).count == MergeHistory.versionsMax)
        _ = try journal.commit([push([late("y"), chain[31]])], now: Position(30))
        let kept = try history(store).map(\.change.clock)
        #expect(kept.last == chain[31].clock && kept.count <= MergeHistory.versionsMax)
        #expect(kept == chain.map(\.clock).suffix(kept.count))
    }

    @Test func aPolicyOfAnotherProcessHoldsForTheNextCommit() throws {
        let path = temporaryPath()
        let hub = try SQLiteStore(path: path)
        let console = try SQLiteStore(path: path)
        let journal = Journal(store: hub, contentHash: MergeConformance.hash)
        _ = try journal.commit([push([task(["a": 1], "{}")])], now: Position(10))
        let sibling = try journal.commit([push([task(["b": 1], "{\"b\":1}")])], now: Position(20))
        #expect(sibling.results[0][0].decision == .verdict(.conflict, .concurrent))
        try console.setPolicy(.lastWriterWins, for: "task")
        let won = try journal.commit([push([task(["c": 1], "{\"c\":1}", at: 9)])], now: Position(30))
        #expect(won.results[0][0].decision == .verdict(.accepted, .lastWriterWins))
        let lost = try head(hub)
        #expect(lost.reason == .lastWriterWins && lost.detail.contains("hash #{} by d, updated_at 0"))
        try console.setPolicy(nil, for: "task")
        let last = try journal.commit([push([task(["e": 1], "{\"e\":1}", at: 99)])], now: Position(40))
        #expect(last.results[0][0].decision == .verdict(.conflict, .concurrent))
    }
}
