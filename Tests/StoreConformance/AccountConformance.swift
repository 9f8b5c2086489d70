import Causality
import Dispatch
import Foundation
import Storage
import Testing

@Suite struct AccountConformance {
    func device(_ user: Identifier, replica: Identifier, at time: Int64) -> Device {
        Device(
            userID: user, id: "laptop", replica: replica, name: "L\u{fc}x", platform: "linux",
            registeredAt: Position(time), lastSeenAt: Position(time))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func takenNamesAreRefused(_ kind: StoreUnderTest) throws {
        let accounts = try kind.open().accounts
        try accounts.add(User(id: "1", name: "ann"))
        try accounts.add(User(id: "2", name: "Bob"))
        #expect(throws: StoreError.self) { try accounts.add(User(id: "3", name: "ann")) }
        #expect(throws: StoreError.self) { try accounts.add(User(id: "1", name: "eve")) }
        #expect(try accounts.users().map(\.name) == ["Bob", "ann"])
        #expect(try accounts.user(named: "ann")?.id == "1" && accounts.user(id: "3") == nil)
        #expect(throws: StoreError.self) { try accounts.register(device("nobody", replica: "r", at: 1)) }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func keysAreRevokedOnceAndBelongToTheirUser(_ kind: StoreUnderTest) throws {
        let accounts = try kind.open().accounts
        try accounts.add(User(id: "1", name: "ann"))
        try accounts.add(User(id: "2", name: "bob"))
        let key = APIKeyRecord(
            prefix: "p1", userID: "1", secretHash: Array(0..<32), label: "cli", createdAt: Position(5))
        try accounts.add(key)
        #expect(throws: StoreError.self) { try accounts.add(key) }
        #expect(throws: StoreError.self) {
            try accounts.add(
                APIKeyRecord(prefix: "p2", userID: "9", secretHash: [], label: "", createdAt: .start))
        }
        #expect(try accounts.key(prefix: "p1") == key)
        #expect(try accounts.keys(of: "2").isEmpty)
        #expect(try accounts.revokeKey(prefix: "p1", at: Position(10)))
        #expect(try accounts.revokeKey(prefix: "p1", at: Position(20)))
        #expect(try !accounts.revokeKey(prefix: "none", at: Position(20)))
        #expect(try accounts.key(prefix: "p1")?.revokedAt == Position(10))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func whatIsTakenBackIsToldByNumberInTheOrderOfTheCommits(_ kind: StoreUnderTest) throws {
        let accounts = try kind.open().accounts
        try accounts.add(User(id: "1", name: "ann"))
        for prefix in ["p1", "p2"] {
            try accounts.add(
                APIKeyRecord(prefix: prefix, userID: "1", secretHash: [1], label: "", createdAt: Position(5)))
        }
        try accounts.register(device("1", replica: "r", at: 1))
        let begin = try accounts.revocations(after: nil)
        #expect(begin.revocations.isEmpty && !begin.isIncomplete)
        #expect(try accounts.revocations(after: begin.mark) == begin)
        // The second key is revoked at an earlier time: its number says when.
        _ = try accounts.revokeKey(prefix: "p1", at: Position(1_000))
        _ = try accounts.removeDevice("laptop", of: "1")
        let middle = try accounts.revocations(after: begin.mark)
        #expect(middle.revocations == [.key(prefix: "p1"), .device("laptop", of: "1")] && !middle.isIncomplete)
        _ = try accounts.revokeKey(prefix: "p2", at: Position(10))
        // What is taken back already, or not there, is nothing new.
        _ = try accounts.revokeKey(prefix: "p1", at: Position(2_000))
        _ = try accounts.revokeKey(prefix: "none", at: Position(2_000))
        _ = try accounts.removeDevice("laptop", of: "1")
        let end = try accounts.revocations(after: middle.mark)
        #expect(end.revocations == [.key(prefix: "p2")] && end.mark > middle.mark)
        #expect(try accounts.revocations(after: end.mark).revocations.isEmpty)
        #expect(try accounts.revocations(after: nil).mark == end.mark)
        // A mark that this store never gave: of another life of it.
        #expect(try accounts.revocations(after: end.mark + 1).isIncomplete)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func presenceIsNotedOfDevicesThatAreThereAndEndsWithARegistrationAnew(_ kind: StoreUnderTest) throws {
        let accounts = try kind.open().accounts
        try accounts.add(User(id: "1", name: "ann"))
        try accounts.add(User(id: "2", name: "bob"))
        try accounts.register(device("1", replica: "r1", at: 1))
        try accounts.register(device("2", replica: "r2", at: 1))
        try accounts.note([])
        try accounts.note([
            Presence(device: "laptop", userID: "1", until: Position(90)),
            Presence(device: "none", userID: "1", until: Position(90)),
            Presence(device: "laptop", userID: "9", until: Position(90)),
        ])
        #expect(try accounts.device("laptop", of: "1")?.connectedUntil == Position(90))
        #expect(try accounts.devices(of: "1").count == 1)
        #expect(try accounts.device("laptop", of: "2")?.connectedUntil == nil)
        try accounts.note([Presence(device: "laptop", userID: "1", until: nil)])
        #expect(try accounts.device("laptop", of: "1")?.connectedUntil == nil)
        try accounts.note([Presence(device: "laptop", userID: "1", until: Position(91))])
        var anew = device("1", replica: "r3", at: 2)
        anew.connectedUntil = Position(92)
        try accounts.register(anew)
        #expect(try accounts.device("laptop", of: "1") == device("1", replica: "r3", at: 2))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func acknowledgementsOnlyRiseUntilARegistrationAnew(_ kind: StoreUnderTest) throws {
        let accounts = try kind.open().accounts
        try accounts.add(User(id: "1", name: "ann"))
        try accounts.add(User(id: "2", name: "bob"))
        try accounts.register(device("1", replica: "r1", at: 1))
        try accounts.register(device("2", replica: "r2", at: 2))
        try accounts.acknowledge(Position(50), device: "laptop", of: "1", at: Position(9))
        try accounts.acknowledge(Position(40), device: "laptop", of: "1", at: Position(8))
        try accounts.acknowledge(Position(40), device: "none", of: "1", at: Position(8))
        let mine = try accounts.device("laptop", of: "1")
        #expect(mine?.acknowledged == Position(50) && mine?.lastSeenAt == Position(9))
        #expect(try accounts.device("laptop", of: "2") == device("2", replica: "r2", at: 2))
        try accounts.register(device("1", replica: "r3", at: 11))
        #expect(try accounts.devices(of: "1") == [device("1", replica: "r3", at: 11)])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aRegistrationUnderTheSameKeyIsTheSameOne(_ kind: StoreUnderTest) throws {
        let accounts = try kind.open().accounts
        try accounts.add(User(id: "1", name: "ann"))
        try accounts.add(User(id: "2", name: "bob"))
        func asked(_ key: String?, _ replica: Identifier, of user: Identifier = "1") -> Device {
            var device = device(user, replica: replica, at: 1)
            device.registrationKey = key
            return device
        }
        #expect(throws: StoreError.self) { try accounts.registerOnce(asked("k", "r0", of: "9")) }
        #expect(try accounts.registerOnce(asked("k", "r1")).replica == "r1")
        try accounts.acknowledge(Position(5), device: "laptop", of: "1", at: Position(2))
        let again = try accounts.registerOnce(asked("k", "r2"))
        #expect(again.replica == "r1" && again.acknowledged == Position(5))
        #expect(try accounts.registerOnce(asked("k", "r3", of: "2")).replica == "r3")
        #expect(try accounts.registerOnce(asked("k2", "r4")).replica == "r4")
        #expect(try accounts.device("laptop", of: "1")?.acknowledged == nil)
        try accounts.register(asked(nil, "r5"))
        #expect(try accounts.registerOnce(asked(nil, "r6")).replica == "r6")
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aRemovedDeviceIsGoneOnceAndOthersStay(_ kind: StoreUnderTest) throws {
        let accounts = try kind.open().accounts
        try accounts.add(User(id: "1", name: "ann"))
        try accounts.add(User(id: "2", name: "bob"))
        try accounts.register(device("1", replica: "r1", at: 1))
        try accounts.register(device("2", replica: "r2", at: 2))
        #expect(try accounts.removeDevice("laptop", of: "1"))
        #expect(try !accounts.removeDevice("laptop", of: "1"))
        #expect(try accounts.device("laptop", of: "1") == nil && accounts.devices(of: "1").isEmpty)
        #expect(try accounts.devices(of: "2").map(\.replica) == ["r2"])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func registrationsThatComeTogetherAreAllKeptAndOneThatIsRefusedFailsAlone(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.accounts.add(User(id: "1", name: "ann"))
        let refusals = Refusals()
        DispatchQueue.concurrentPerform(iterations: 200) { number in
            let user: Identifier = number % 10 == 7 ? "nobody" : "1"
            let device = Device(
                userID: user, id: Identifier(unchecked: "d\(number)"), replica: Identifier(unchecked: "r\(number)"),
                name: "", platform: "", registeredAt: Position(1), lastSeenAt: Position(1))
            do { try store.accounts.register(device) } catch { refusals.add(number) }
        }
        #expect(refusals.sorted == (0..<200).filter { $0 % 10 == 7 })
        let kept = try store.accounts.devices(of: "1")
        #expect(
            Set(kept.map(\.replica)) == Set((0..<200).filter { $0 % 10 != 7 }.map { Identifier(unchecked: "r\($0)") }))
    }
}

/// Numbers from several threads.
private final class Refusals: @unchecked Sendable {
    private let lock = NSLock()
    private var numbers: [Int] = []

    func add(_ number: Int) { lock.withLock { numbers.append(number) } }
    var sorted: [Int] { lock.withLock { numbers.sorted() } }
}
