import Causality
import Dispatch
import Foundation
import Storage
import Testing

/// Emails, tiers, passwords and teams.
@Suite struct TeamConformance {
    private func accounts(_ kind: StoreUnderTest, users: Int = 3) throws -> any AccountStore {
        let accounts = try kind.open().accounts
        for number in 1...users {
            try accounts.add(
                User(id: Identifier(unchecked: "\(number)"), name: Identifier(unchecked: "user\(number)")))
        }
        return accounts
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aUserHasTheirEmailAlone(_ kind: StoreUnderTest) throws {
        let accounts = try kind.open().accounts
        let tier = Tier(name: "fr\u{e9}e", deviceLimit: 2, recordLimit: 5_000)
        let ann = User(id: "1", name: "ann", email: "ann@example.org", tier: tier)
        try accounts.add(ann)
        try accounts.add(User(id: "2", name: "bob"))
        try accounts.add(User(id: "3", name: "eve"))
        #expect(try accounts.user(id: "1") == ann && accounts.user(named: "ann") == ann)
        #expect(try accounts.user(email: "ann@example.org") == ann)
        #expect(try accounts.user(email: "") == nil && accounts.user(email: "a\0") == nil)
        // By bytes: another case is another address.
        #expect(try accounts.user(email: "Ann@example.org") == nil)
        #expect(throws: StoreError.self) { try accounts.add(User(id: "4", name: "dan", email: "ann@example.org")) }
        #expect(throws: StoreError.self) { try accounts.update(User(id: "2", name: "bob", email: "ann@example.org")) }
        #expect(throws: StoreError.self) { try accounts.update(User(id: "9", name: "bob")) }
        #expect(try accounts.users().map(\.email) == ["ann@example.org", "", ""])
        // Two spellings of one text are two addresses.
        try accounts.update(User(id: "2", name: "bob", email: "\u{e9}@x"))
        try accounts.update(User(id: "3", name: "eve", email: "e\u{301}@x"))
        #expect(try accounts.user(email: "e\u{301}@x")?.id == "3" && accounts.user(email: "\u{e9}@x")?.id == "2")
        try accounts.update(User(id: "1", name: "other", email: "ann@example.org", tier: .unlimited))
        #expect(try accounts.user(id: "1") == User(id: "1", name: "ann", email: "ann@example.org"))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func anotherTierIsToldAndAnotherEmailIsNot(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        let begin = try accounts.revocations(after: nil).mark
        try accounts.update(User(id: "1", name: "user1", email: "a@b"))
        #expect(try accounts.revocations(after: begin).revocations.isEmpty)
        let tiers = [("free", 2, -1), ("free", 3, -1), ("free", 3, 7), ("pro", 3, 7), ("pro", 3, 7)]
        for (name, devices, records) in tiers {
            let tier = Tier(name: name, deviceLimit: devices, recordLimit: records)
            try accounts.update(User(id: "1", name: "user1", tier: tier))
        }
        let told = try accounts.revocations(after: begin)
        #expect(told.revocations == Array(repeating: .tier(of: "1"), count: 4) && !told.isIncomplete)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aPasswordsHashIsKeptAndTakenAway(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        #expect(try accounts.passwordHash(of: "1") == nil)
        try accounts.setPasswordHash("$x$1", of: "1")
        #expect(try accounts.passwordHash(of: "1") == "$x$1" && accounts.passwordHash(of: "2") == nil)
        try accounts.update(User(id: "1", name: "user1", email: "a@b"))
        #expect(try accounts.passwordHash(of: "1") == "$x$1")
        try accounts.setPasswordHash(nil, of: "1")
        #expect(try accounts.passwordHash(of: "1") == nil && accounts.passwordHash(of: "none") == nil)
        #expect(throws: StoreError.self) { try accounts.setPasswordHash("$x$1", of: "none") }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aKeyKeepsItsSalt(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        let keys = [nil, Array(repeating: UInt8(0), count: 32)].enumerated().map { number, salt in
            APIKeyRecord(
                prefix: "p\(number)", userID: "1", secretHash: [1], label: "", createdAt: Position(Int64(number)),
                encryptionSalt: salt)
        }
        for key in keys { try accounts.add(key) }
        #expect(try accounts.keys(of: "1") == keys && accounts.key(prefix: "p1") == keys[1])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func namesAndIdsOfTeamsAndUsersAreOneList(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        try accounts.add(Team(id: "t1", name: "red"))
        try accounts.add(Team(id: "t2", name: "Blue"))
        for taken in [("t1", "new"), ("t3", "red"), ("1", "new"), ("t3", "user2")] {
            let (id, name) = (Identifier(unchecked: taken.0), Identifier(unchecked: taken.1))
            #expect(throws: StoreError.self) { try accounts.add(Team(id: id, name: name)) }
            #expect(throws: StoreError.self) { try accounts.add(User(id: id, name: name)) }
        }
        #expect(try accounts.teams() == [Team(id: "t2", name: "Blue"), Team(id: "t1", name: "red")])
        #expect(try accounts.team(named: "red")?.id == "t1" && accounts.team(id: "t2")?.name == "Blue")
        #expect(try accounts.team(named: "user1") == nil && accounts.team(id: "1") == nil)
        #expect(try accounts.users().count == 3)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func oneNameForAUserAndATeamAtOnceIsGivenOnce(_ kind: StoreUnderTest) throws {
        let accounts = try kind.open().accounts
        DispatchQueue.concurrentPerform(iterations: 40) { number in
            let name = Identifier(unchecked: "n\(number / 4)")
            let id = Identifier(unchecked: "i\(number)")
            if number % 2 == 0 {
                try? accounts.add(Team(id: id, name: name))
            } else {
                try? accounts.add(User(id: id, name: name))
            }
        }
        let names = try accounts.users().map(\.name) + accounts.teams().map(\.name)
        #expect(names.count == 10 && Set(names).count == 10)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func membersComeAndGoAndAreToldOnce(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        for (id, name) in [("t1", "red"), ("t2", "blue")] {
            try accounts.add(Team(id: Identifier(unchecked: id), name: Identifier(unchecked: name)))
        }
        let begin = try accounts.revocations(after: nil).mark
        func set(_ user: Identifier, _ team: Identifier, _ role: Membership.Role = .member) throws {
            try accounts.setMember(Membership(teamID: team, userID: user, role: role))
        }
        for (user, team) in [("9", "t1"), ("1", "t9"), ("1", "2"), ("t1", "t1")] {
            #expect(throws: StoreError.self) { try set(Identifier(unchecked: user), Identifier(unchecked: team)) }
        }
        try set("2", "t1", .owner)
        try set("1", "t1")
        try set("1", "t1", .admin)
        try set("1", "t2")
        try set("3", "t2")
        #expect(
            try accounts.members(of: "t1") == [
                Membership(teamID: "t1", userID: "1", role: .admin),
                Membership(teamID: "t1", userID: "2", role: .owner),
            ])
        #expect(try accounts.memberships(of: "1").map(\.teamID) == ["t1", "t2"])
        #expect(try accounts.teammates(of: "1") == ["2", "3"] && accounts.teammates(of: "2") == ["1"])
        #expect(try accounts.teammates(of: "9").isEmpty && accounts.members(of: "t9").isEmpty)
        #expect(try accounts.removeMember("1", from: "t1"))
        #expect(try !accounts.removeMember("1", from: "t1") && !accounts.removeMember("9", from: "t9"))
        #expect(try accounts.teammates(of: "2").isEmpty && accounts.teammates(of: "1") == ["3"])
        let told = try accounts.revocations(after: begin)
        #expect(
            told.revocations == [
                .membership("2", team: "t1"), .membership("1", team: "t1"), .membership("1", team: "t2"),
                .membership("3", team: "t2"), .membership("1", team: "t1"),
            ])
        #expect(try accounts.revocations(after: told.mark).revocations.isEmpty)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aUserIsInSoManyTeamsAndNoMore(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        for number in 0...Team.perUserMax {
            let id = Identifier(unchecked: "t\(number)")
            try accounts.add(Team(id: id, name: id))
        }
        let refused = Tally()
        DispatchQueue.concurrentPerform(iterations: Team.perUserMax + 1) { number in
            let membership = Membership(teamID: Identifier(unchecked: "t\(number)"), userID: "1", role: .member)
            do { try accounts.setMember(membership) } catch { refused.add(error) }
        }
        #expect(refused.errors.count == 1 && refused.errors.first as? StoreError == Team.tooMany)
        #expect(try accounts.memberships(of: "1").count == Team.perUserMax)
        // Who is in may be given another role.
        let team = try #require(try accounts.memberships(of: "1").first?.teamID)
        try accounts.setMember(Membership(teamID: team, userID: "1", role: .owner))
        #expect(try accounts.members(of: team).map(\.role) == [.owner])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aTeamHasSoManyMembersAndNoMore(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind, users: Team.membersMax + 1)
        try accounts.add(Team(id: "t", name: "t"))
        let refused = Tally()
        DispatchQueue.concurrentPerform(iterations: Team.membersMax + 1) { number in
            let user = Identifier(unchecked: "\(number + 1)")
            do {
                try accounts.setMember(Membership(teamID: "t", userID: user, role: .member))
            } catch {
                refused.add(error)
            }
        }
        #expect(refused.errors.count == 1 && refused.errors.first as? StoreError == Team.full)
        #expect(try accounts.members(of: "t").count == Team.membersMax)
    }
}

/// Errors from several threads.
final class Tally: @unchecked Sendable {
    private let lock = NSLock()
    private var kept: [any Error] = []

    func add(_ error: any Error) { lock.withLock { kept.append(error) } }
    var errors: [any Error] { lock.withLock { kept } }
}
