internal import Reactor

/// What the shard tells of itself.
extension HubShard {
    /// A commit whose bytes are in outboxes, and how many devices it went to.
    struct Delivery {
        let bornAt: UInt64
        let deviceCount: Int
    }

    /// Its counters, and how things are now. Looks at every connection: some milliseconds for the most there may be.
    func tally() -> ShardFigures {
        var tally = figures
        tally.bytesSent = loop.bytesSent
        let handshakes = loop.handshakes
        tally.handshakesDone = handshakes.done
        tally.handshakesResumed = handshakes.resumed
        tally.handshakesFailed = handshakes.failed
        tally.roomCount = rooms.count
        tally.subscriberCount = rooms.values.reduce(0) { $0 + $1.members.count + $1.polls.count }
        tally.requestBodyBytes = requestBodyBytes
        for case let connection? in connections {
            tally.outboxBytes += loop.outboxBytes(connection.id)
            switch connection.phase {
            case .session, .echo, .watch: tally.socketCount += 1
            case .stream: tally.streamCount += 1
            case .http: tally.requestConnectionCount += 1
            case .ending: break
            }
        }
        return tally
    }

    /// The turn's bytes are with the kernel, or wait for a peer that reads slowly.
    func turnEnded() {
        guard !deliveries.isEmpty else { return }
        // One reading of the clock for all that the turn delivered.
        let now = WallClock.uptime
        for delivery in deliveries {
            figures.delivery.observe(now &- min(now, delivery.bornAt), weight: delivery.deviceCount)
        }
        deliveries.removeAll(keepingCapacity: true)
    }
}
