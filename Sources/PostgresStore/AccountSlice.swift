internal import Causality
internal import Storage

/// Users and what belongs to them on their way into an empty store, column by column.
struct AccountSlice {
    /// Id, name, email, tier, the password's hash.
    private let users = (0..<5).map { _ in ArrayParameter.texts() }
    /// Devices and records.
    private let userLimits = (0..<2).map { _ in ArrayParameter.numbers() }
    /// Prefix, user, label.
    private let keyTexts = (0..<3).map { _ in ArrayParameter.texts() }
    /// The secret's hash, the salt.
    private let keyBytes = (0..<2).map { _ in ArrayParameter.bytes() }
    /// Created, revoked.
    private let keyTimes = (0..<2).map { _ in ArrayParameter.numbers() }
    /// Space, id, replica, name, platform, the client's version, the key of the registration.
    private let deviceTexts = (0..<7).map { _ in ArrayParameter.texts() }
    /// Registered, last seen, acknowledged.
    private let deviceTimes = (0..<3).map { _ in ArrayParameter.numbers() }
    /// Space, device, name.
    private let noteTexts = (0..<3).map { _ in ArrayParameter.texts() }
    private let notes = ArrayParameter.bytes()
    /// Id, name.
    private let teams = (0..<2).map { _ in ArrayParameter.texts() }
    /// Team, user, role.
    private let members = (0..<3).map { _ in ArrayParameter.texts() }

    private static let insertionOfUsers: Statement = """
        INSERT INTO users (id, name, email, tier, password_hash, device_limit, record_limit)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
        """
    private static let insertionOfKeys: Statement = """
        INSERT INTO keys (prefix, user_id, label, secret_hash, encryption_salt, created_at, revoked_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
        """
    private static let insertionOfDevices: Statement = """
        INSERT INTO devices (space, id, replica, name, platform, client_version, registration_key, registered_at,
            last_seen_at, acknowledged)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """
    /// Numbered in the order in which they come.
    private static let insertionOfNotes: Statement = """
        INSERT INTO notes (space, device, name, note) SELECT space, device, name, note
        FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS n (space, device, name, note, place) ORDER BY place
        """
    private static let insertionOfTeams: Statement = "INSERT INTO teams (id, name) SELECT * FROM unnest($1, $2)"
    private static let insertionOfMembers: Statement = """
        INSERT INTO members (team_id, user_id, role) SELECT * FROM unnest($1, $2, $3)
        """
    /// Bytes of notes that are sent together.
    private static let noteBytesMax = 4 << 20

    var isFull: Bool {
        let counts = [users[0], keyBytes[0], deviceTexts[0], notes, teams[0], members[0]].map(\.count)
        return counts.reduce(0, +) >= PostgresTransaction.sliceRowsMax || notes.byteCount >= AccountSlice.noteBytesMax
    }

    /// - Returns: whether it is a piece of accounts.
    func append(_ item: KeptItem) -> Bool {
        switch item {
        case .user(let user, let passwordHash): append(user, passwordHash)
        case .key(let key): append(key)
        case .device(let device): append(device)
        case .note(let note, let name, let device, let user):
            for (array, text) in zip(noteTexts, [user.text, device.text, name]) { array.append(text) }
            notes.append(note)
        case .team(let team): for (array, name) in zip(teams, [team.id, team.name]) { array.append(name) }
        case .member(let member):
            for (array, text) in zip(members, [member.teamID.text, member.userID.text, member.role.rawValue]) {
                array.append(text)
            }
        default: return false
        }
        return true
    }

    private func append(_ user: User, _ passwordHash: String?) {
        for (array, text) in zip(users, [user.id.text, user.name.text, user.email, user.tier.name]) {
            array.append(text)
        }
        users[4].append(passwordHash)
        userLimits[0].append(Int64(user.tier.deviceLimit))
        userLimits[1].append(Int64(user.tier.recordLimit))
    }

    private func append(_ key: APIKeyRecord) {
        for (array, text) in zip(keyTexts, [key.prefix, key.userID.text, key.label]) { array.append(text) }
        keyBytes[0].append(key.secretHash)
        if let salt = key.encryptionSalt { keyBytes[1].append(salt) } else { keyBytes[1].appendNull() }
        keyTimes[0].append(key.createdAt.microseconds)
        keyTimes[1].append(key.revokedAt?.microseconds)
    }

    private func append(_ device: Device) {
        let texts = [
            device.userID.text, device.id.text, device.replica.text, device.name, device.platform,
            device.clientVersion,
        ]
        for (array, text) in zip(deviceTexts, texts) { array.append(text) }
        deviceTexts[6].append(device.registrationKey)
        deviceTimes[0].append(device.registeredAt.microseconds)
        deviceTimes[1].append(device.lastSeenAt.microseconds)
        deviceTimes[2].append(device.acknowledged?.microseconds)
    }

    /// Users first: the others name them.
    func send(on connection: PostgresConnection) throws(PostgresFailure) {
        try connection.send(AccountSlice.insertionOfUsers, all: users + userLimits)
        try connection.send(AccountSlice.insertionOfKeys, all: keyTexts + keyBytes + keyTimes)
        try connection.send(AccountSlice.insertionOfDevices, all: deviceTexts + deviceTimes)
        try connection.send(AccountSlice.insertionOfNotes, all: noteTexts + [notes])
        try connection.send(AccountSlice.insertionOfTeams, all: teams)
        try connection.send(AccountSlice.insertionOfMembers, all: members)
    }
}

extension ArrayParameter {
    fileprivate func append(_ text: String?) {
        if let text { append(text) } else { appendNull() }
    }
}
