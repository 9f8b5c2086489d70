internal import Wire

/// What one shard counts: plain numbers of its own thread, copied out when somebody asks (``HubShard/tally()``).
struct ShardFigures: Sendable {
    /// Frames of devices, by what they are.
    enum Received: Int, CaseIterable, Sendable {
        case hello, push, resolve, ack, ping, bye, invalid

        init(_ frame: ClientFrame) {
            switch frame {
            case .hello: self = .hello
            case .push: self = .push
            case .resolve: self = .resolve
            case .ack: self = .ack
            case .ping: self = .ping
            case .bye: self = .bye
            }
        }
    }

    /// What is sent to devices. `changes` are stretches of the log, live or of a catch-up: one may be several frames.
    enum Sent: Int, CaseIterable, Sendable {
        case welcome, pushed, changes, synced, pong, error, bye

        init(_ frame: HubFrame) {
            switch frame {
            case .welcome: self = .welcome
            case .pushed: self = .pushed
            case .changes, .conflict: self = .changes
            case .synced: self = .synced
            case .pong: self = .pong
            case .error: self = .error
            case .bye: self = .bye
            }
        }
    }

    // Counters.
    var connections = 0
    var sessions = 0
    var requests = 0
    var bytesReceived = 0
    var bytesSent = 0
    /// TLS handshakes; the resumed ones among the done.
    var handshakesDone = 0
    var handshakesResumed = 0
    var handshakesFailed = 0
    var received = [Int](repeating: 0, count: Received.allCases.count)
    var sent = [Int](repeating: 0, count: Sent.allCases.count)
    /// From the commit to the end of the turn that handed its bytes to the kernel, for each device.
    var delivery = LatencyHistogram()

    // How things are, filled in by the tally.
    var socketCount = 0
    var streamCount = 0
    var requestConnectionCount = 0
    var subscriberCount = 0
    var roomCount = 0
    var outboxBytes = 0
    var requestBodyBytes = 0

    mutating func count(_ kind: Received) { received[kind.rawValue] &+= 1 }
    mutating func count(_ kind: Sent, _ count: Int = 1) { sent[kind.rawValue] &+= count }

    mutating func add(_ other: ShardFigures) {
        connections &+= other.connections
        sessions &+= other.sessions
        requests &+= other.requests
        bytesReceived &+= other.bytesReceived
        bytesSent &+= other.bytesSent
        handshakesDone &+= other.handshakesDone
        handshakesResumed &+= other.handshakesResumed
        handshakesFailed &+= other.handshakesFailed
        for kind in received.indices { received[kind] &+= other.received[kind] }
        for kind in sent.indices { sent[kind] &+= other.sent[kind] }
        delivery.add(other.delivery)
        socketCount += other.socketCount
        streamCount += other.streamCount
        requestConnectionCount += other.requestConnectionCount
        subscriberCount += other.subscriberCount
        outboxBytes += other.outboxBytes
        requestBodyBytes += other.requestBodyBytes
        roomCount += other.roomCount
    }
}
