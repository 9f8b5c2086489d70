internal import Causality
internal import Logging
internal import Reactor
internal import Storage
internal import Wire

/// Lines about connections: each carries the connection's number, the peer's address, and who it is once that is known.
extension HubShard {
    func log(
        _ level: Logger.Level, _ message: Logger.Message, _ connection: Connection,
        _ more: @autoclosure () -> Logger.Metadata = [:]
    ) {
        core.log.log(level: level, message, metadata: connection.logMetadata.merging(more()) { $1 })
    }

    func logSession(_ connection: Connection, live: Bool) {
        figures.sessions &+= 1
        log(.info, "session began", connection, ["session": "\(number).\(connection.id.raw)", "live": "\(live)"])
    }

    func logEnd(of connection: Connection, _ reason: CloseReason) {
        let seconds = seconds(since: connection.openedAt)
        let why = connection.ending ?? "\(reason)"
        guard connection.member != nil else {
            return log(.debug, "disconnected", connection, ["reason": "\(why)", "seconds": "\(seconds)"])
        }
        log(
            .info, "session ended", connection,
            [
                "reason": "\(why)", "seconds": "\(seconds)", "frames": "\(connection.frameCount)",
                "pushes": "\(connection.pushCount)", "bytes": "\(connection.bytesReceived)",
            ])
    }
}

extension Connection {
    var peerName: PeerName { PeerName(number: number, peer: peer) }

    var logMetadata: Logger.Metadata {
        var metadata = peerName.logMetadata
        if let owner {
            metadata["user"] = "\(owner.user.name.text)"
            if let device = owner.device { metadata["device"] = "\(device.id.text)" }
        }
        return metadata
    }
}
