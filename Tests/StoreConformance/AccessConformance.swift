import Causality
import Storage
import Testing

/// Who may write what, whose a record is, and who else may see it.
@Suite struct AccessConformance {
    let owner: Identifier = "u"

    func change(
        _ id: Identifier, _ replica: Identifier, _ counter: Int64, _ body: String, _ visibility: Visibility? = nil,
        supersedes: [VectorClock] = [], isDeleted: Bool = false
    ) -> Change {
        Change(
            kind: "note", id: id, clock: VectorClock([.init(replica: replica, counter: counter)]),
            hash: Identifier(unchecked: body), body: Array("\"\(body)\"".utf8)[...], isDeleted: isDeleted,
            supersedes: supersedes, visibility: visibility)
    }

    func push(
        _ changes: [Change], by user: Identifier = "u", _ standing: Standing = .owner, to space: Identifier = "s",
        isAtomic: Bool = false
    ) -> Submission {
        Submission(
            space: space, author: user, replica: user, changes: changes, isAtomic: isAtomic, user: user,
            standing: standing)
    }

    func record(_ store: any Store, _ id: Identifier, in space: Identifier = "s") throws -> Record {
        try #require(try store.record(RecordKey(space: space, kind: "note", id: id)))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aGuestWritesWhatTheTeamWritesAndLearnsNothingOfTheRest(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        let own = [
            change("private", "u", 1, "1"), change("read", "u", 1, "1", .teamRead),
            change("write", "u", 1, "1", .teamWrite),
        ]
        _ = try journal.commit([push(own)], now: Position(10))
        let edits = (["private", "read", "none", "write"] as [Identifier]).map { change($0, "g", 1, "g") }
        let results = try journal.commit([push(edits, by: "g", .guest)], now: Position(20)).results[0]
        #expect(
            results.map(\.decision) == [.forbidden, .forbidden, .forbidden, .verdict(.conflict, .concurrent)])
        for result in results.prefix(3) {
            #expect(result.stored == nil && result.position == nil && result.clock == edits[0].clock)
        }
        #expect(results[3].stored?.change.hash == "1")
        // Atomic, forced, with a basis or an expectation it is the same.
        for shape in 0..<4 {
            var refused = push((["private", "none"] as [Identifier]).map { change($0, "g", 1, "g") }, by: "g", .guest)
            refused.isAtomic = shape == 0
            refused.isForced = shape == 1
            if shape == 2 { refused.basis = .latest }
            if shape == 3 { refused.expectations = [.absent, .live] }
            let results = try journal.commit([refused], now: Position(30)).results[0]
            #expect(results.allSatisfy { $0 == results[0] } && results[0].decision == .forbidden)
        }
        #expect(throws: Never.self) { try record(store, "private") }
        #expect(try store.record(RecordKey(space: "s", kind: "note", id: "none")) == nil)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func onlyTheOwnerSaysWhoElseSeesARecord(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        func commit(_ change: Change, by user: Identifier = "u", _ standing: Standing = .owner) throws -> LogEntry {
            let receipt = try journal.commit([push([change], by: user, standing)], now: .start)
            #expect(receipt.results[0][0].isSuccess)
            let head = try record(store, change.id).head
            #expect(receipt.batches[0].entries.last == head)
            let listed = try store.manifest(ManifestQuery(space: "s")).entries[0]
            #expect(
                listed.visibility == head.change.visibility && listed.wasShared == head.wasShared && listed.owner == "")
            let bare = try store.records(
                [RecordName(kind: "note", id: "a"), RecordName(kind: "note", id: "-")], in: "s")
            #expect(bare[0]?.head.change.visibility == head.change.visibility && bare[1] == nil)
            #expect(bare[0]?.head.change.body.isEmpty == true && bare[0]?.head.wasShared == head.wasShared)
            return head
        }
        var head = try commit(change("a", "u", 1, "1"))
        #expect(head.change.visibility == .private && !head.wasShared && head.owner == "")
        head = try commit(change("a", "u", 2, "2", .teamWrite))
        #expect(head.change.visibility == .teamWrite && head.wasShared)
        // A guest's wish is not heard, nor is a push that says nothing of it.
        head = try commit(change("a", "g", 1, "3", .private, supersedes: [head.change.clock]), by: "g", .guest)
        #expect(head.change.visibility == .teamWrite && head.author == "g")
        head = try commit(change("a", "u", 3, "4", supersedes: [head.change.clock]))
        #expect(head.change.visibility == .teamWrite)
        // What was shared stays known as such.
        head = try commit(change("a", "u", 9, "5", .private, supersedes: [head.change.clock]))
        #expect(head.change.visibility == .private && head.wasShared)
        head = try commit(change("a", "u", 10, "", supersedes: [head.change.clock], isDeleted: true))
        #expect(head.change.visibility == .private && head.wasShared)
        let deleted = try store.page(PageQuery(space: "s", after: .start)).entries
        #expect(deleted == [head])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func membersOwnWhatTheyMakeInATeamsSpace(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        let made = [
            change("open", "a", 1, "1"), change("read", "a", 1, "1", .teamRead), change("own", "a", 1, "1", .private),
        ]
        _ = try journal.commit([push(made, by: "a", .member, to: "t")], now: Position(10))
        #expect(try record(store, "open", in: "t").head.change.visibility == .teamWrite)
        let heads = try store.all(of: "t")
        #expect(heads.allSatisfy { $0.owner == "a" } && heads.map(\.wasShared) == [true, true, false])
        let edits = (["open", "read", "own", "new"] as [Identifier]).map { name in
            change(name, "b", 1, "2", .private, supersedes: [VectorClock([.init(replica: "a", counter: 1)])])
        }
        let results = try journal.commit([push(edits, by: "b", .member, to: "t")], now: Position(20)).results[0]
        #expect(
            results.map(\.decision) == [
                .verdict(.accepted, .resolved), .forbidden, .forbidden, .verdict(.accepted, .firstVersion),
            ])
        let after = try store.all(of: "t")
        #expect(after.first { $0.change.id == "open" }?.owner == "a")
        #expect(after.first { $0.change.id == "open" }?.change.visibility == .teamWrite)
        #expect(after.first { $0.change.id == "new" }.map { [$0.owner] } == ["b"])
        #expect(after.first { $0.change.id == "new" }?.change.visibility == .private)
        #expect(try store.manifest(ManifestQuery(space: "t")).entries.map(\.owner) == ["b", "a", "a", "a"])
        let hidden = change("read", "a", 2, "3", .private)
        _ = try journal.commit([push([hidden], by: "a", .member, to: "t")], now: Position(30))
        let head = try record(store, "read", in: "t").head
        #expect(head.change.visibility == .private && head.wasShared && head.owner == "a")
    }

    @Test(arguments: StoreUnderTest.allCases)
    func siblingsAreSeenByThoseWhoSeeTheHead(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        let versions = [
            change("a", "u", 1, "1", .teamRead), change("a", "v", 1, "2", .private), change("a", "w", 1, "3"),
        ]
        _ = try journal.commit([push(versions)], now: Position(10))
        #expect(try store.all().map(\.change.visibility) == [.teamRead, .teamRead, .teamRead])
        let before = try record(store, "a").siblings
        // Un-shared: the siblings come again behind the head, whole, and are as private as it.
        let receipt = try journal.commit([push([change("a", "u", 2, "4", .private)])], now: Position(20))
        let entries = try store.all()
        #expect(entries == receipt.batches[0].entries && entries.map(\.isSibling) == [false, true, true])
        #expect(entries.allSatisfy { $0.change.visibility == .private && $0.wasShared })
        #expect(entries.dropFirst().map(\.change.body) == before.map(\.change.body))
        #expect(entries.dropFirst().map(\.reason) == [.concurrent, .concurrent])
        // An atomic push that fails leaves them where they were.
        let failing = push(
            [change("a", "u", 3, "5", .teamWrite), change("a", "u", 1, "1")], isAtomic: true)
        #expect(try journal.commit([failing], now: Position(30)).batches.isEmpty)
        #expect(try store.all() == entries)
        try store.setPolicy(.merge(.plain), for: "note")
        _ = try journal.commit([push([change("a", "u", 3, "6", .teamWrite)])], now: Position(40))
        #expect(try store.all().allSatisfy { $0.change.visibility == .teamWrite })
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aReadOutStoreKeepsWhoSeesWhat(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        _ = try journal.commit(
            [
                push([change("a", "u", 1, "1", .teamRead), change("b", "u", 1, "1", .teamWrite)]),
                push([change("b", "u", 2, "2", .private)]), push([change("c", "a", 1, "1")], by: "a", .member, to: "t"),
            ], now: Position(10))
        var items: [KeptItem] = []
        try store.readAll { items.append($0) }
        let other = try kind.open()
        var rest = items[...]
        try other.fill { rest.popFirst() }
        #expect(try other.all() == store.all() && other.all(of: "t") == store.all(of: "t"))
        #expect(try other.all(of: "t").map(\.owner) == ["a"])
        #expect(try other.all().map(\.wasShared) == [true, true])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func recordsAreReadByTheirNamesWithoutContents(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let journal = Journal(store: store)
        let count = 3_000
        let ids = (0..<count).map { Identifier(unchecked: "r\($0)") }
        _ = try journal.commit([push(ids.map { change($0, "u", 1, "1") })], now: Position(10))
        _ = try journal.commit([push([change(ids[7], "v", 1, "2")])], now: Position(20))
        var names = ids.reversed().map { RecordName(kind: "note", id: $0) }
        names.insert(RecordName(kind: "note", id: "none"), at: 5)
        let records = try store.records(names, in: "s")
        #expect(records.map { $0?.head.change.name } == names.map { $0.id == "none" ? nil : $0 })
        #expect(records.compactMap { $0 }.allSatisfy { $0.head.change.body.isEmpty })
        #expect(records.compactMap { $0?.siblings.first?.change.hash } == ["2"])
        #expect(try store.records(names, in: "other").allSatisfy { $0 == nil })
        #expect(try store.records([], in: "s").isEmpty)
    }
}
