/// The kinds of attack. All run at once, each by as many peers as there are for it.
public enum HostileKind: String, Sendable, CaseIterable, Codable {
    /// A request's head, byte by byte (slow-loris).
    case slowHead = "slow_head"
    case slowBody = "slow_body"
    /// A frame of a live session, byte by byte.
    case slowFrame = "slow_frame"
    /// The upgrade, and then no hello.
    case slowHello = "slow_hello"
    /// Connections without a byte.
    case abandoned
    /// The sending side is closed in the middle of something.
    case halfClosed = "half_closed"
    /// A valid conversation, cut by a reset after a random byte.
    case reset
    case garbage
    /// Frames that break a rule of RFC 6455, one of each kind in turn.
    case badFrames = "bad_frames"
    /// Heads, bodies, frames and messages past every bound.
    case oversize
    /// JSON of a million levels, of a million digits.
    case jsonBomb = "json_bomb"
    /// Compressed frames and bodies that are none, or that swell.
    case compressionBomb = "compression_bomb"
    /// Requests by the thousand without waiting for an answer.
    case pipelining
    case wrongKey = "wrong_key"
    /// A subscriber that never reads.
    case stalledReader = "stalled_reader"
    /// Sessions that begin and end at once.
    case churn
    /// A TLS handshake's beginning, and random bytes behind it.
    case tlsGarbage = "tls_garbage"
}

/// What one kind did.
public struct HostileTally: Sendable, Codable, Equatable {
    /// Times that it was done.
    public var rounds = 0
    public var connections = 0
    /// Connections that were not had at all.
    public var refused = 0
    public var bytesSent = 0
    /// Connections that the hub ended first.
    public var cutOff = 0

    enum CodingKeys: String, CodingKey {
        case rounds, connections, refused
        case bytesSent = "bytes_sent"
        case cutOff = "cut_off"
    }

    mutating func add(_ other: HostileTally) {
        rounds += other.rounds
        connections += other.connections
        refused += other.refused
        bytesSent += other.bytesSent
        cutOff += other.cutOff
    }
}
