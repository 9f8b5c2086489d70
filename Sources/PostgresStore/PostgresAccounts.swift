internal import Causality
internal import Storage

/// Users, keys and devices in Postgres. Devices are rows of their user's space; users and keys are few, and on every
/// shard.
struct PostgresAccounts: AccountStore {
    let store: PostgresStore

    func add(_ user: User) throws(StoreError) {
        try write(AccountStatements.addUser, refusal: "the name \(user.name) or the id \(user.id) is taken") {
            $0.add(user.id)
            $0.add(user.name)
        }
    }

    func user(named name: Identifier) throws(StoreError) -> User? {
        try rows(AccountStatements.userNamed) { $0.add(name) }.first.map(User.init)
    }

    func user(id: Identifier) throws(StoreError) -> User? {
        try rows(AccountStatements.userOfID) { $0.add(id) }.first.map(User.init)
    }

    func users() throws(StoreError) -> [User] { try rows(AccountStatements.users).map(User.init) }

    func add(_ key: APIKeyRecord) throws(StoreError) {
        let refusal = "the prefix \(key.prefix) is taken, or there is no user \(key.userID)"
        try write(AccountStatements.addKey, refusal: refusal) {
            $0.add(key.prefix)
            $0.add(key.userID)
            $0.add(bytes: key.secretHash)
            $0.add(key.label)
            $0.add(key.createdAt)
            $0.add(key.revokedAt)
        }
    }

    func key(prefix: String) throws(StoreError) -> APIKeyRecord? {
        // Postgres takes no NUL in a text, so no key has one in its prefix.
        guard !prefix.utf8.contains(0) else { return nil }
        return try rows(AccountStatements.key) { $0.add(prefix) }.first.map(APIKeyRecord.init)
    }

    func keys(of userID: Identifier) throws(StoreError) -> [APIKeyRecord] {
        try rows(AccountStatements.keys) { $0.add(userID) }.map(APIKeyRecord.init)
    }

    func register(_ device: Device) throws(StoreError) { _ = try register(device, AccountStatements.register) }

    func registerOnce(_ device: Device) throws(StoreError) -> Device {
        try register(device, AccountStatements.registerOnce)
    }

    /// Writes the device and returns what is registered.
    private func register(_ device: Device, _ statement: Statement) throws(StoreError) -> Device {
        var row = Parameters()
        for name in [device.userID, device.id, device.replica] { row.add(name) }
        row.add(device.name)
        row.add(device.platform)
        row.add(device.registeredAt)
        row.add(device.lastSeenAt)
        row.add(device.registrationKey)
        let steps = [(statement, row), (AccountStatements.device, PostgresAccounts.place(device.id, device.userID))]
        let results = try PostgresAccounts.refusing("there is no user \(device.userID)") { () throws(StoreError) in
            try store.sharedStatements.run(steps, isRepeatable: true)
        }
        guard let registered = results.last?.first.map(Device.init) else {
            throw .refused("there is no user \(device.userID)")
        }
        return registered
    }

    func device(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Device? {
        try rows(AccountStatements.device, PostgresAccounts.place(id, userID)).first.map(Device.init)
    }

    func devices(of userID: Identifier) throws(StoreError) -> [Device] {
        try rows(AccountStatements.devices) { $0.add(userID) }.map(Device.init)
    }

    func acknowledge(
        _ position: Position, device id: Identifier, of userID: Identifier, at time: Position
    ) throws(StoreError) {
        var row = PostgresAccounts.place(id, userID)
        row.add(position)
        row.add(time)
        _ = try store.sharedStatements.run([(AccountStatements.acknowledge, row)], isRepeatable: true)
    }

    static func place(_ id: Identifier, _ userID: Identifier) -> Parameters {
        var place = Parameters()
        place.add(userID)
        place.add(id)
        return place
    }

    // MARK: - Asking

    func rows(_ statement: Statement, _ parameters: Parameters = Parameters()) throws(StoreError) -> Rows {
        try store.read { (connection) throws(PostgresFailure) in try connection.run(statement, parameters) }
    }

    private func rows(_ statement: Statement, _ fill: (inout Parameters) -> Void) throws(StoreError) -> Rows {
        var parameters = Parameters()
        fill(&parameters)
        return try rows(statement, parameters)
    }

    private func write(
        _ statement: Statement, refusal: String, _ fill: (inout Parameters) -> Void
    ) throws(StoreError) {
        var parameters = Parameters()
        fill(&parameters)
        _ = try PostgresAccounts.refusing(refusal) { () throws(StoreError) in
            try store.sharedStatements.run([(statement, parameters)], isRepeatable: false)
        }
    }

    /// Says what a constraint of the tables means to the caller.
    private static func refusing<Value>(
        _ sentence: String, _ body: () throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        do {
            return try body()
        } catch {
            if case .refused(let reason) = error, reason.contains("constraint") { throw .refused(sentence) }
            throw error
        }
    }
}
