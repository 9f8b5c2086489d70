internal import Reactor
internal import WebSocket
internal import Wire

/// Messages that come in drops: each holds memory until it is whole, and a peer is not silent that sends a byte a minute.
extension HubShard {
    func noteUnfinished(_ connection: Connection, _ count: Int, isProgress: Bool) {
        if connection.machine?.isBetweenMessages ?? true {
            connection.unfinished = nil
        } else if isProgress {
            connection.unfinished = (loop.now, 0)
        } else {
            connection.unfinished = (
                connection.unfinished?.since ?? loop.now, (connection.unfinished?.bytes ?? 0) + count
            )
        }
    }

    /// Ends a peer whose message comes too slowly. One that is long may take its time, but has to come on.
    ///
    /// - Returns: whether it has ended.
    func sweepUnfinished(_ connection: Connection) -> Bool {
        guard let (since, bytes) = connection.unfinished else { return false }
        let isRead = !connection.isThrottled && !connection.isHeldBack && connection.session.wantsInput
        if !isRead || bytes >= core.limits.bodyProgressBytes {
            connection.unfinished = (loop.now, 0)
            return false
        }
        guard seconds(since: since) >= core.limits.requestSeconds else { return false }
        core.count(.bodyTimeout, connection.logMetadata)
        end(connection, closeCode: CloseCode.policyViolation.rawValue, reason: "the message comes too slowly")
        return true
    }
}

/// Messages of one connection, a turn's worth at a time: whoever sends many, or such as swell, has no more of the loop
/// than the others.
extension HubShard {
    func leaveUnread(_ connection: Connection) {
        let unread = connection.machine?.takeUnread() ?? []
        guard !unread.isEmpty, connection.phase != .ending else { return }
        connection.unread = unread
        connection.unreadSince = loop.now
        loop.pauseReading(connection.id)
        readOnSoon(connection)
    }

    func readOnSoon(_ connection: Connection) {
        guard !connection.isReadingOn else { return }
        connection.isReadingOn = true
        core.post(.readOn(connection.id), to: number)
    }

    func readOn(_ connection: Connection) {
        connection.isReadingOn = false
        // A shard's mail to itself may come in the turn that it was posted in: that would leave the sockets no turn.
        guard loop.now != connection.unreadSince else { return readOnSoon(connection) }
        switch connection.phase {
        case .session where !connection.session.wantsInput || connection.isHeldBack: return
        case .session, .echo, .watch: break
        case .http, .stream, .ending: return
        }
        // Whatever holds it up says so when it is over, by `listen(to:)`.
        guard !connection.isThrottled, !connection.isOverRate else { return }
        var bytes = connection.unread
        connection.unread = []
        bytes.withUnsafeMutableBytes { readFrames(connection, $0) }
        throttle(connection)
        if connection.unread.isEmpty { listen(to: connection) }
    }
}

extension WebSocketEvent {
    /// What it takes to look at it.
    var payloadBytes: Int {
        switch self {
        case .text(let payload), .binary(let payload), .ping(let payload), .pong(let payload): payload.count
        case .close, .failed: 0
        }
    }

    var isMessage: Bool {
        switch self {
        case .text, .binary: true
        case .ping, .pong, .close, .failed: false
        }
    }
}
