import Causality
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
        #expect(try accounts.keysRevoked(after: Position(9)) == ["p1"])
        #expect(try accounts.keysRevoked(after: Position(10)).isEmpty)
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
}
