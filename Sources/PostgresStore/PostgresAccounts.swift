internal import Causality
internal import Storage

/// Users, keys and devices in Postgres. Devices are rows of their user's space; users and keys are few, and on every
/// shard.
struct PostgresAccounts: AccountStore {
    let store: PostgresStore

    func add(_ user: User) throws(StoreError) {
        let sentence = "the name \(user.name), the id \(user.id) or the email is taken"
        var row = Parameters(user.id)
        row.add(user.name)
        row.add(user)
        let steps = [(AccountStatements.lockNames, Parameters()), (AccountStatements.addUser, row)]
        let results = try PostgresAccounts.refusing(sentence) { () throws(StoreError) in
            try store.sharedStatements.run(steps, isRepeatable: false)
        }
        guard results.last?.first != nil else { throw .refused(sentence) }
    }

    func update(_ user: User) throws(StoreError) {
        var row = Parameters(user.id)
        row.add(user)
        row.add(Int64(RevocationPage.countKept))
        let results = try PostgresAccounts.refusing("the email \(user.email) is another user's") {
            () throws(StoreError) in
            try store.sharedStatements.run([(AccountStatements.updateUser, row)], isRepeatable: true)
        }
        guard results.first?.first?.flag(0) == true else { throw .refused("there is no user \(user.id)") }
    }

    func user(named name: Identifier) throws(StoreError) -> User? {
        try rows(AccountStatements.userNamed) { $0.add(name) }.first.map(User.init)
    }

    func user(id: Identifier) throws(StoreError) -> User? {
        try rows(AccountStatements.userOfID) { $0.add(id) }.first.map(User.init)
    }

    func user(email: String) throws(StoreError) -> User? {
        // Postgres takes no NUL in a text, so no user has one in the email.
        guard !email.isEmpty, !email.utf8.contains(0) else { return nil }
        return try rows(AccountStatements.userOfEmail) { $0.add(email) }.first.map(User.init)
    }

    func users() throws(StoreError) -> [User] { try rows(AccountStatements.users).map(User.init) }

    func passwordHash(of userID: Identifier) throws(StoreError) -> String? {
        try rows(AccountStatements.userOfID) { $0.add(userID) }.first?.optionalText(6)
    }

    func setPasswordHash(_ hash: String?, of userID: Identifier) throws(StoreError) {
        var row = Parameters(userID)
        row.add(hash)
        let results = try store.sharedStatements.run([(AccountStatements.setPassword, row)], isRepeatable: true)
        guard results.first?.first != nil else { throw .refused("there is no user \(userID)") }
    }

    func add(_ key: APIKeyRecord) throws(StoreError) {
        let refusal = "the prefix \(key.prefix) is taken, or there is no user \(key.userID)"
        try write(AccountStatements.addKey, refusal: refusal) {
            $0.add(key.prefix)
            $0.add(key.userID)
            $0.add(bytes: key.secretHash)
            $0.add(key.label)
            $0.add(key.createdAt)
            $0.add(key.revokedAt)
            $0.add(bytes: key.encryptionSalt)
        }
    }

    func key(prefix: String) throws(StoreError) -> APIKeyRecord? {
        // Postgres takes no NUL in a text, so no key has one in its prefix.
        guard !prefix.utf8.contains(0) else { return nil }
        return try rows(AccountStatements.key) { $0.add(prefix) }.first.map(APIKeyRecord.init)
    }

    func holder(prefix: String) throws(StoreError) -> KeyHolder? {
        guard !prefix.utf8.contains(0) else { return nil }
        return try rows(AccountStatements.holder) { $0.add(prefix) }.first.map {
            KeyHolder(key: APIKeyRecord($0), user: User($0, from: 7))
        }
    }

    func keys(of userID: Identifier) throws(StoreError) -> [APIKeyRecord] {
        try rows(AccountStatements.keys) { $0.add(userID) }.map(APIKeyRecord.init)
    }

    func register(_ device: Device) throws(StoreError) {
        _ = try register(device, [(AccountStatements.register, PostgresAccounts.row(device))])
    }

    func registerOnce(_ device: Device) throws(StoreError) -> Device { try registerOnce(device, devicesMax: nil) }

    func registerOnce(_ device: Device, devicesMax: Int?) throws(StoreError) -> Device {
        var row = PostgresAccounts.row(device)
        row.add(devicesMax.map(Int64.init))
        var steps = [(AccountStatements.registerOnce, row)]
        if devicesMax != nil { steps.insert((AccountStatements.lockUser, Parameters(device.userID)), at: 0) }
        if let registered = try register(device, steps) { return registered }
        // Where the user is not there, the constraint says so only of a row that is written.
        guard try user(id: device.userID) != nil else { throw .refused("there is no user \(device.userID)") }
        throw .limitReached("the user has \(devicesMax ?? 0) devices, and no more fit")
    }

    /// Takes the steps and returns what is registered.
    private func register(_ device: Device, _ steps: [SharedStatements.Step]) throws(StoreError) -> Device? {
        let steps = steps + [(AccountStatements.device, PostgresAccounts.place(device.id, device.userID))]
        let results = try PostgresAccounts.refusing("there is no user \(device.userID)") { () throws(StoreError) in
            try store.sharedStatements.run(steps, isRepeatable: true)
        }
        return results.last?.first.map(Device.init)
    }

    private static func row(_ device: Device) -> Parameters {
        var row = Parameters()
        for name in [device.userID, device.id, device.replica] { row.add(name) }
        row.add(device.name)
        row.add(device.platform)
        row.add(device.registeredAt)
        row.add(device.lastSeenAt)
        row.add(device.registrationKey)
        row.add(device.clientVersion)
        return row
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
    static func refusing<Value>(
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

extension Parameters {
    /// Email, tier and limits.
    fileprivate mutating func add(_ user: User) {
        add(user.email)
        add(user.tier.name)
        add(Int64(user.tier.deviceLimit))
        add(Int64(user.tier.recordLimit))
    }
}
