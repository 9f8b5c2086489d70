internal import Causality
internal import Storage

/// Users, keys and devices in Postgres.
struct PostgresAccounts: AccountStore {
    let store: PostgresStore

    private static let missing = StoreError.unavailable("accounts are not kept in Postgres yet")

    func add(_ user: User) throws(StoreError) { throw PostgresAccounts.missing }
    func user(named name: Identifier) throws(StoreError) -> User? { nil }
    func user(id: Identifier) throws(StoreError) -> User? { nil }
    func users() throws(StoreError) -> [User] { [] }
    func add(_ key: APIKeyRecord) throws(StoreError) { throw PostgresAccounts.missing }
    func key(prefix: String) throws(StoreError) -> APIKeyRecord? { nil }
    func keys(of userID: Identifier) throws(StoreError) -> [APIKeyRecord] { [] }
    func revokeKey(prefix: String, at time: Position) throws(StoreError) -> Bool { false }
    func keysRevoked(after time: Position) throws(StoreError) -> [String] { [] }
    func register(_ device: Device) throws(StoreError) { throw PostgresAccounts.missing }
    func registerOnce(_ device: Device) throws(StoreError) -> Device { throw PostgresAccounts.missing }
    func removeDevice(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Bool { false }
    func device(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Device? { nil }
    func devices(of userID: Identifier) throws(StoreError) -> [Device] { [] }
    func acknowledge(
        _ position: Position, device id: Identifier, of userID: Identifier, at time: Position
    ) throws(StoreError) {}
}
