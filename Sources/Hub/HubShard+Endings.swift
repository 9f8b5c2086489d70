internal import Causality
internal import Storage
internal import Wire

/// What ends sessions, streams and polls from outside: keys, devices, and the log's life.
extension HubShard {
    func revoke(_ prefixes: Set<String>) {
        for case let connection? in connections {
            guard let prefix = connection.keyPrefix, prefixes.contains(prefix) else { continue }
            refuse(connection, ErrorFrame(code: .unauthorized, message: "the API key was revoked"))
        }
    }

    func endSessions(of device: Identifier, _ user: Identifier, keeping replica: Identifier?) {
        for case let connection? in connections where connection.isOf(device, of: user) {
            if let replica, connection.owner?.device?.replica == replica { continue }
            refuse(connection, ErrorFrame(code: .unknownDevice, message: "the device was removed"))
        }
    }

    /// Sessions go on, under what the user may have now.
    func change(_ user: User) {
        for case let connection? in connections where connection.member?.user.id == user.id {
            connection.member = connection.member?.changed(user)
        }
    }

    /// Has the store asked about all that is open here.
    func recheck() {
        var all: [HubCore.Seated] = []
        for case let connection? in connections {
            guard let prefix = connection.keyPrefix, let owner = connection.owner else { continue }
            all.append(
                HubCore.Seated(
                    keyPrefix: prefix, user: owner.user.id, device: owner.device?.id, replica: owner.device?.replica))
        }
        if !all.isEmpty { core.recheck(all, shard: number) }
        recheckGuests()
        endSharedWatches()
    }

    /// Cursors of another life than `generation` are good for nothing.
    func endLives(except generation: Generation) {
        for case let connection? in connections {
            guard let own = connection.generation, own != generation else { continue }
            refuse(connection, ErrorFrame(code: .resync))
        }
    }

    // MARK: Presence

    func noteCome(_ connection: Connection) {
        guard !connection.isPresent, let owner = connection.owner, let device = owner.device else { return }
        connection.isPresent = true
        core.presence.come(device.id, of: owner.user.id)
    }

    /// - Parameter isElsewhere: it has a session at another hub, which says that it is there.
    func noteGone(_ connection: Connection, isElsewhere: Bool = false) {
        guard connection.isPresent, let owner = connection.owner, let device = owner.device else { return }
        connection.isPresent = false
        core.presence.go(device.id, of: owner.user.id, isElsewhere: isElsewhere)
    }
}
