internal import Causality
internal import Storage

/// Users, keys and devices on their way into an empty store, column by column.
struct AccountSlice {
    private let users = (0..<2).map { _ in ArrayParameter.texts() }
    /// Prefix, user, label.
    private let keyTexts = (0..<3).map { _ in ArrayParameter.texts() }
    private let keySecrets = ArrayParameter.bytes()
    /// Created, revoked.
    private let keyTimes = (0..<2).map { _ in ArrayParameter.numbers() }
    /// Space, id, replica, name, platform, the key of the registration.
    private let deviceTexts = (0..<6).map { _ in ArrayParameter.texts() }
    /// Registered, last seen, acknowledged.
    private let deviceTimes = (0..<3).map { _ in ArrayParameter.numbers() }

    private static let insertionOfUsers: Statement = "INSERT INTO users (id, name) SELECT * FROM unnest($1, $2)"
    private static let insertionOfKeys: Statement = """
        INSERT INTO keys (prefix, user_id, label, secret_hash, created_at, revoked_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
        """
    private static let insertionOfDevices: Statement = """
        INSERT INTO devices (space, id, replica, name, platform, registration_key, registered_at, last_seen_at,
            acknowledged)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """

    var isFull: Bool {
        users[0].count + keySecrets.count + deviceTexts[0].count >= PostgresTransaction.sliceRowsMax
    }

    func append(_ user: User) {
        users[0].append(user.id)
        users[1].append(user.name)
    }

    func append(_ key: APIKeyRecord) {
        for (array, text) in zip(keyTexts, [key.prefix, key.userID.text, key.label]) { array.append(text) }
        keySecrets.append(key.secretHash)
        keyTimes[0].append(key.createdAt.microseconds)
        keyTimes[1].append(key.revokedAt?.microseconds)
    }

    func append(_ device: Device) {
        let texts = [device.userID.text, device.id.text, device.replica.text, device.name, device.platform]
        for (array, text) in zip(deviceTexts, texts) { array.append(text) }
        if let key = device.registrationKey { deviceTexts[5].append(key) } else { deviceTexts[5].appendNull() }
        deviceTimes[0].append(device.registeredAt.microseconds)
        deviceTimes[1].append(device.lastSeenAt.microseconds)
        deviceTimes[2].append(device.acknowledged?.microseconds)
    }

    /// Users first: the others name them.
    func send(on connection: PostgresConnection) throws(PostgresFailure) {
        try connection.send(AccountSlice.insertionOfUsers, all: users)
        try connection.send(AccountSlice.insertionOfKeys, all: keyTexts + [keySecrets] + keyTimes)
        try connection.send(AccountSlice.insertionOfDevices, all: deviceTexts + deviceTimes)
    }
}

/// Rows of spaces on their way into an empty store.
struct SpaceSlice {
    private let names = ArrayParameter.texts()
    /// Head, records, deleted, siblings.
    private let numbers = (0..<4).map { _ in ArrayParameter.numbers() }

    private static let insertion: Statement = """
        INSERT INTO spaces (space, head, record_count, deleted_count, sibling_count)
        SELECT * FROM unnest($1, $2, $3, $4, $5)
        """

    var isFull: Bool { names.count >= PostgresTransaction.sliceRowsMax }

    func append(_ name: Identifier, _ statistics: SpaceStatistics) {
        names.append(name)
        numbers[0].append(statistics.head.microseconds)
        numbers[1].append(Int64(statistics.recordCount))
        numbers[2].append(Int64(statistics.deletedCount))
        numbers[3].append(Int64(statistics.siblingCount))
    }

    func send(on connection: PostgresConnection) throws(PostgresFailure) {
        try connection.send(SpaceSlice.insertion, all: [names] + numbers)
    }
}

extension PostgresConnection {
    /// Queues a statement with the arrays, unless they are empty, and empties them.
    fileprivate func send(_ statement: Statement, all arrays: [ArrayParameter]) throws(PostgresFailure) {
        guard let first = arrays.first, first.count > 0 else { return }
        var parameters = Parameters()
        for array in arrays { parameters.add(array) }
        try send(statement, parameters)
        for array in arrays { array.removeAll() }
    }
}

extension ArrayParameter {
    fileprivate func append(_ number: Int64?) {
        if let number { append(number) } else { appendNull() }
    }
}

extension SpaceStatistics {
    mutating func add(_ entry: LogEntry) {
        if entry.isSibling {
            siblingCount += 1
        } else if entry.change.isDeleted {
            deletedCount += 1
        } else {
            recordCount += 1
        }
    }
}
