import Causality
import Foundation
import SQLiteStore
import Storage
import Testing

/// Reading out and filling, between every two kinds of store.
@Suite struct MovingConformance {
    struct Broken: Error {}

    static let pairs = StoreUnderTest.allCases.flatMap { from in StoreUnderTest.allCases.map { (from, $0) } }

    static func items(_ store: any Store) throws -> [KeptItem] {
        var items: [KeptItem] = []
        try store.readAll { items.append($0) }
        return items
    }

    static func fill(_ store: any Store, _ items: [KeptItem]) throws {
        var rest = items[...]
        try store.fill { rest.popFirst() }
    }

    /// Something of everything, written the ordinary way.
    static func full(_ kind: StoreUnderTest) throws -> any Store {
        let store = try kind.open()
        try store.setPolicy(.lastWriterWins, for: "presence")
        let votes = ConflictPolicy.merge(try MergeRule([.init(try #require(FieldPath("votes")), .counter)]))
        try store.setPolicy(votes, for: "task")
        let accounts = store.accounts
        for (id, name) in [("u_2", "ann"), ("u_1", "Bob"), ("u_3", "\u{e4}da")] {
            try accounts.add(User(id: Identifier(unchecked: id), name: Identifier(unchecked: name)))
        }
        for (prefix, time) in [("p2", 5), ("p1", 5), ("p3", 4)] {
            try accounts.add(
                APIKeyRecord(
                    prefix: prefix, userID: "u_2", secretHash: Array(0..<32), label: "cl\u{ef}",
                    createdAt: Position(Int64(time))))
        }
        #expect(try accounts.revokeKey(prefix: "p1", at: Position(77)))
        for (id, replica) in [("laptop", "laptop.7"), ("phone", "phone.1")] {
            try accounts.register(
                Device(
                    userID: "u_2", id: Identifier(unchecked: id), replica: Identifier(unchecked: replica),
                    name: "L\u{fc}x", platform: "linux", registeredAt: Position(6), lastSeenAt: Position(6),
                    registrationKey: id == "phone" ? "key" : nil))
        }
        try accounts.acknowledge(Position(12), device: "phone", of: "u_2", at: Position(30))
        try MovingConformance.addTeams(accounts)
        var merged = entry(13, "m", author: "", body: Array("{\n}".utf8))
        merged.reason = .merged
        merged.detail = "Merged."
        try store.append(
            [
                entry(10, "a", embedding: [0.1, -0, .leastNonzeroMagnitude]), entry(11, "a", isSibling: true),
                entry(12, "b", namespace: "work", body: [], isDeleted: true), merged,
            ], in: "u_2")
        // Its head is over its last entry, and one space has none at all.
        try store.append([entry(20, "x"), entry(21, "x2")], in: "u_1")
        try store.write { (transaction) throws(StoreError) in
            _ = try transaction.lockHead(of: "u_1")
            try transaction.append([], ending: [Position(21)], in: "u_1", head: Position(25))
        }
        let journal = Journal(store: store, contentHash: MergeConformance.hash)
        for (replica, body) in [("a", #"{"votes":1}"#), ("b", #"{"votes":2}"#)] {
            let bytes = ArraySlice(body.utf8)
            let change = Change(
                kind: "task", id: "1", clock: VectorClock([.init(replica: Identifier(unchecked: replica), counter: 1)]),
                hash: MergeConformance.hash(bytes), body: bytes)
            _ = try journal.commit(
                [Submission(space: "u_3", author: "d", replica: "d", changes: [change])], now: Position(100))
        }
        return store
    }

    private static func addTeams(_ accounts: any AccountStore) throws {
        let tier = Tier(name: "pr\u{f6}", deviceLimit: 5, recordLimit: 1 << 40)
        try accounts.update(User(id: "u_2", name: "ann", email: "ann@example.org", tier: tier))
        try accounts.setPasswordHash("$scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ$aGFzaA", of: "u_1")
        try accounts.add(
            APIKeyRecord(
                prefix: "p4", userID: "u_1", secretHash: Array(0..<32), label: "", createdAt: Position(9),
                encryptionSalt: Array(32..<64)))
        try accounts.register(
            Device(
                userID: "u_1", id: "web", replica: "web.1", name: "", platform: "", registeredAt: Position(6),
                lastSeenAt: Position(6), clientVersion: "0.2.35"))
        for (name, note) in [("z", [0, 255]), ("a", []), ("z", [1])] as [(String, [UInt8])] {
            try accounts.keepNote(note, name, device: "web", of: "u_1")
            try accounts.keepNote(note, name, device: "phone", of: "u_2")
        }
        for (id, name) in [("t_1", "red"), ("t_2", "blue"), ("t_3", "empty")] {
            try accounts.add(Team(id: Identifier(unchecked: id), name: Identifier(unchecked: name)))
        }
        let members: [(Identifier, Identifier, Membership.Role)] = [
            ("t_1", "u_2", .owner), ("t_1", "u_1", .admin), ("t_2", "u_3", .member),
        ]
        for (team, user, role) in members {
            try accounts.setMember(Membership(teamID: team, userID: user, role: role))
        }
    }

    @Test(arguments: MovingConformance.pairs)
    func whatWasReadOutReadsOutTheSameOnceFilledIn(_ from: StoreUnderTest, _ to: StoreUnderTest) throws {
        let source = try MovingConformance.full(from)
        let items = try MovingConformance.items(source)
        #expect(items.first == .life(source.generation))
        #expect(items.count { if case .version = $0 { true } else { false } } >= 2)
        let target = try to.open()
        try MovingConformance.fill(target, items)
        #expect(try MovingConformance.items(target) == items)
        #expect(try target.generation == source.generation && !target.isUnfinished)
        for space: Identifier in ["u_1", "u_2", "u_3"] {
            #expect(try target.statistics(of: space) == source.statistics(of: space))
            #expect(try target.all(of: space) == source.all(of: space))
        }
        #expect(try target.accounts.device("phone", of: "u_2") == source.accounts.device("phone", of: "u_2"))
        #expect(try target.accounts.key(prefix: "p1")?.revokedAt == Position(77))
        #expect(try target.policies() == source.policies())
        // It is worked on as the first one was.
        try target.append([entry(40, "new")], in: "u_2")
        #expect(try target.head(of: "u_2") == Position(40))
        let record = try target.record(RecordKey(space: "u_2", kind: "note", id: "a"))
        #expect(record?.siblings.map(\.position) == [Position(11)])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func theOrderIsTheOneThatIsPromised(_ kind: StoreUnderTest) throws {
        var sequence = KeptSequence()
        let store = try MovingConformance.full(kind)
        for item in try MovingConformance.items(store) { try sequence.take(item) }
        #expect(try sequence.finish() == store.generation)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aFillThatBreaksOffLeavesAStoreThatSaysSo(_ kind: StoreUnderTest) throws {
        let items = try MovingConformance.items(try MovingConformance.full(.memory))
        let store = try kind.open()
        var rest = items.prefix(12)
        #expect(throws: Broken.self) {
            try store.fill {
                guard let item = rest.popFirst() else { throw Broken() }
                return item
            }
        }
        #expect(try store.isUnfinished)
        #expect(throws: StoreError.unfinished) { try MovingConformance.fill(store, items) }
        #expect(try store.isUnfinished)
    }

    @Test func anUnfinishedFileSaysSoWheneverItIsOpened() throws {
        let path = temporaryPath()
        #expect(throws: Broken.self) { try SQLiteStore(path: path).fill { throw Broken() } }
        #expect(try SQLiteStore(path: path).isUnfinished)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aStoreThatIsNotEmptyIsNotFilled(_ kind: StoreUnderTest) throws {
        for make: (any Store) throws -> Void in [
            { try $0.accounts.add(User(id: "1", name: "ann")) }, { try $0.append([entry(1, "a")]) },
            { try $0.setPolicy(.lastWriterWins, for: "k") },
        ] {
            let store = try kind.open()
            try make(store)
            let before = try MovingConformance.items(store)
            #expect(throws: StoreError.notEmpty) { try MovingConformance.fill(store, [.life(Generation(9))]) }
            #expect(try MovingConformance.items(store) == before && !store.isUnfinished)
        }
    }

    /// One wrong piece after the other, each in the place of a good one.
    static let bad: [(name: String, items: [KeptItem])] = [
        ("nothing", []),
        ("no life", [.user(User(id: "1", name: "a"), passwordHash: nil)]),
        ("two lives", [.life(Generation(1)), .life(Generation(2))]),
        (
            "a user twice",
            [
                .life(Generation(1)), .user(User(id: "1", name: "a"), passwordHash: nil),
                .user(User(id: "2", name: "a"), passwordHash: nil),
            ]
        ),
        (
            "a user's id twice",
            [
                .life(Generation(1)), .user(User(id: "1", name: "a"), passwordHash: nil),
                .user(User(id: "1", name: "b"), passwordHash: nil),
            ]
        ),
        (
            "a name of a user and a team",
            [.life(Generation(1)), .user(User(id: "1", name: "a"), passwordHash: nil), .team(Team(id: "2", name: "a"))]
        ),
        (
            "an id of a user and a team",
            [.life(Generation(1)), .user(User(id: "1", name: "a"), passwordHash: nil), .team(Team(id: "1", name: "b"))]
        ),
        (
            "an email twice",
            [
                .life(Generation(1)), .user(User(id: "1", name: "a", email: "x"), passwordHash: nil),
                .user(User(id: "2", name: "b", email: "x"), passwordHash: nil),
            ]
        ),
        (
            "a user after a team",
            [.life(Generation(1)), .team(Team(id: "2", name: "a")), .user(User(id: "1", name: "b"), passwordHash: nil)]
        ),
        (
            "a member who is no user",
            [
                .life(Generation(1)), .team(Team(id: "2", name: "a")),
                .member(Membership(teamID: "2", userID: "1", role: .member)),
            ]
        ),
        (
            "a member of another team",
            [
                .life(Generation(1)), .user(User(id: "1", name: "b"), passwordHash: nil),
                .team(Team(id: "2", name: "a")), .member(Membership(teamID: "3", userID: "1", role: .member)),
            ]
        ),
        (
            "a note without a device",
            [
                .life(Generation(1)), .user(User(id: "1", name: "b"), passwordHash: nil),
                .note([1], name: "n", device: "d", of: "1"),
            ]
        ),
        (
            "a user after a space",
            [.life(Generation(1)), .space("s", head: .start), .user(User(id: "1", name: "a"), passwordHash: nil)]
        ),
        (
            "another's key",
            [
                .life(Generation(1)), .user(User(id: "1", name: "a"), passwordHash: nil),
                .key(APIKeyRecord(prefix: "p", userID: "2", secretHash: [], label: "", createdAt: .start)),
            ]
        ),
        ("a space twice", [.life(Generation(1)), .space("s", head: .start), .space("s", head: .start)]),
        ("an entry without a space", [.life(Generation(1)), .entry(entry(1, "a"), space: "s")]),
        (
            "an entry of another space",
            [.life(Generation(1)), .space("s", head: Position(5)), .entry(entry(1, "a"), space: "t")]
        ),
        (
            "a position twice",
            [
                .life(Generation(1)), .space("s", head: Position(5)), .entry(entry(1, "a"), space: "s"),
                .entry(entry(1, "b"), space: "s"),
            ]
        ),
        (
            "positions that fall",
            [
                .life(Generation(1)), .space("s", head: Position(5)), .entry(entry(2, "a"), space: "s"),
                .entry(entry(1, "b"), space: "s"),
            ]
        ),
        (
            "a position over the head",
            [.life(Generation(1)), .space("s", head: Position(5)), .entry(entry(6, "a"), space: "s")]
        ),
        (
            "a position of nothing",
            [.life(Generation(1)), .space("s", head: .start), .entry(entry(0, "a"), space: "s")]
        ),
        (
            "two heads",
            [
                .life(Generation(1)), .space("s", head: Position(5)), .entry(entry(1, "a"), space: "s"),
                .entry(entry(2, "a"), space: "s"),
            ]
        ),
        (
            "a sibling without a head",
            [.life(Generation(1)), .space("s", head: Position(5)), .entry(entry(1, "a", isSibling: true), space: "s")]
        ),
        (
            "a history of another record",
            [
                .life(Generation(1)), .space("s", head: Position(5)),
                .version(
                    HistoryVersion(number: 1, change: entry(1, "a").change), name: RecordName(kind: "note", id: "b"),
                    space: "s"),
            ]
        ),
    ]

    @Test(arguments: StoreUnderTest.allCases, MovingConformance.bad.map(\.name))
    func whatDoesNotHoldTogetherIsRefused(_ kind: StoreUnderTest, _ name: String) throws {
        let items = try #require(MovingConformance.bad.first { $0.name == name }).items
        let store = try kind.open()
        do {
            try MovingConformance.fill(store, items)
            Issue.record("it was taken")
        } catch StoreError.refused {}
        #expect(try store.isUnfinished)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func anotherLifeIsAnotherGeneration(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let before = store.generation
        try store.renewGeneration()
        #expect(store.generation != before)
        #expect(try MovingConformance.items(store) == [.life(store.generation)])
    }

    @Test func anotherLifeIsKept() throws {
        let path = temporaryPath()
        let store = try SQLiteStore(path: path)
        try store.renewGeneration()
        #expect(try SQLiteStore(path: path).generation == store.generation)
        let filled = temporaryPath()
        try MovingConformance.fill(try SQLiteStore(path: filled), [.life(Generation(5))])
        #expect(try SQLiteStore(path: filled).generation == Generation(5))
    }

    /// More than one chunk of a fill, and a writer between two pieces of the reading.
    @Test(arguments: StoreUnderTest.allCases)
    func readingIsOneCutWhileOthersWrite(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.append((1...20_000).map { entry(Int64($0), "r\($0)") })
        let writer = DispatchQueue(label: "writer")
        var items: [KeptItem] = []
        try store.readAll { item in
            items.append(item)
            // From another thread, as a hub writes.
            if items.count == 5 {
                try writer.sync { try store.append([entry(30_000, "later"), entry(30_001, "r7")], ending: [7]) }
            }
        }
        #expect(items.count == 20_002)
        let target = try kind.open()
        try MovingConformance.fill(target, items)
        #expect(try target.statistics(of: "s").recordCount == 20_000)
        #expect(try MovingConformance.items(target) == items)
        #expect(try store.head(of: "s") == Position(30_001))
    }
}
