internal import Causality

/// The accounts of a ``MemoryStore``.
struct MemoryAccounts: AccountStore {
    let store: MemoryStore

    func add(_ user: User) throws(StoreError) {
        try store.locked { (state) throws(StoreError) in
            guard !state.isTaken(id: user.id, name: user.name) else {
                throw .refused("a user or team of the name \(user.name) or the same id exists")
            }
            guard state.mayHave(user) else { throw .refused("the email \(user.email) is another user's") }
            state.users[user.id] = user
        }
    }

    func user(named name: Identifier) throws(StoreError) -> User? {
        try store.locked { $0.users.values.first { $0.name == name } }
    }

    func user(id: Identifier) throws(StoreError) -> User? {
        try store.locked { $0.users[id] }
    }

    func users() throws(StoreError) -> [User] {
        try store.locked { $0.users.values.sorted { $0.name < $1.name } }
    }

    func add(_ key: APIKeyRecord) throws(StoreError) {
        try store.locked { (state) throws(StoreError) in
            guard state.users[key.userID] != nil else { throw .refused("there is no user \(key.userID)") }
            guard state.keys[key.prefix] == nil else { throw .refused("a key \(key.prefix) exists") }
            state.keys[key.prefix] = key
        }
    }

    func key(prefix: String) throws(StoreError) -> APIKeyRecord? {
        try store.locked { $0.keys[prefix] }
    }

    func keys(of userID: Identifier) throws(StoreError) -> [APIKeyRecord] {
        try store.locked {
            $0.keys.values.filter { $0.userID == userID }
                .sorted { ($0.createdAt, $0.prefix) < ($1.createdAt, $1.prefix) }
        }
    }

    func revokeKey(prefix: String, at time: Position) throws(StoreError) -> Bool {
        try store.locked {
            guard var key = $0.keys[prefix] else { return false }
            if key.revokedAt == nil { $0.revocations.add(.key(prefix: prefix)) }
            key.revokedAt = key.revokedAt ?? time
            $0.keys[prefix] = key
            return true
        }
    }

    func revocations(after mark: Int64?) throws(StoreError) -> RevocationPage {
        try store.locked { $0.revocations.page(after: mark) }
    }

    func register(_ device: Device) throws(StoreError) {
        try store.locked { (state) throws(StoreError) in
            guard state.users[device.userID] != nil else { throw .refused("there is no user \(device.userID)") }
            _ = state.register(device)
        }
    }

    func registerOnce(_ device: Device) throws(StoreError) -> Device { try registerOnce(device, devicesMax: nil) }

    func registerOnce(_ device: Device, devicesMax: Int?) throws(StoreError) -> Device {
        try store.locked { (state) throws(StoreError) -> Device in
            guard state.users[device.userID] != nil else { throw .refused("there is no user \(device.userID)") }
            let devices = state.devices[device.userID] ?? [:]
            let present = devices[device.id]
            if let present, let key = present.registrationKey, key == device.registrationKey { return present }
            if let devicesMax, present == nil, devices.count >= devicesMax {
                throw .limitReached("the user has \(devices.count) devices, of at most \(devicesMax)")
            }
            return state.register(device)
        }
    }

    func removeDevice(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Bool {
        try store.locked {
            guard $0.devices[userID]?.removeValue(forKey: id) != nil else { return false }
            $0.notes[userID]?[id] = nil
            $0.revocations.add(.device(id, of: userID))
            return true
        }
    }

    func device(_ id: Identifier, of userID: Identifier) throws(StoreError) -> Device? {
        try store.locked { $0.devices[userID]?[id] }
    }

    func devices(of userID: Identifier) throws(StoreError) -> [Device] {
        try store.locked {
            ($0.devices[userID] ?? [:]).values.sorted { ($0.registeredAt, $0.id) < ($1.registeredAt, $1.id) }
        }
    }

    func acknowledge(
        _ position: Position, device id: Identifier, of userID: Identifier, at time: Position
    ) throws(StoreError) {
        try store.locked {
            guard var device = $0.devices[userID]?[id] else { return }
            device.acknowledged = max(device.acknowledged ?? .start, position)
            device.lastSeenAt = max(device.lastSeenAt, time)
            $0.devices[userID]?[id] = device
        }
    }

    func note(_ presences: [Presence]) throws(StoreError) {
        try store.locked {
            for presence in presences {
                $0.devices[presence.userID]?[presence.device]?.connectedUntil = presence.until
            }
        }
    }
}

extension MemoryStore.State {
    fileprivate mutating func register(_ device: Device) -> Device {
        var registered = device
        registered.acknowledged = nil
        registered.connectedUntil = nil
        devices[device.userID, default: [:]][device.id] = registered
        notes[device.userID]?[device.id] = nil
        return registered
    }

    /// Whether a user or a team has one of these.
    func isTaken(id: Identifier, name: Identifier) -> Bool {
        users[id] != nil || teams[id] != nil || users.values.contains { $0.name == name }
            || teams.values.contains { $0.name == name }
    }

    /// Whether no other user has the email.
    func mayHave(_ user: User) -> Bool {
        user.email.isEmpty || !users.values.contains { $0.isOf(user.email) && $0.id != user.id }
    }
}

extension User {
    /// By bytes: Swift's strings are equal where Unicode's forms of one text differ.
    func isOf(_ email: String) -> Bool { self.email.utf8.elementsEqual(email.utf8) }
}
