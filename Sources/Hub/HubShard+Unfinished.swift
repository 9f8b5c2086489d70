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

extension WebSocketEvent {
    var isMessage: Bool {
        switch self {
        case .text, .binary: true
        case .ping, .pong, .close, .failed: false
        }
    }
}
