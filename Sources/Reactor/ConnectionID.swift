/// A connection of one loop: a slot and how many connections the slot has had.
///
/// Calls with the ID of a connection that has ended are ignored, also when the slot has a new owner.
public struct ConnectionID: Hashable, Sendable {
    /// Generation in the upper half, slot in the lower. Generation 0 is never a connection.
    public let raw: UInt64

    /// The slot: dense from 0, so that a handler can keep its own state in an array.
    public var index: Int { Int(raw & 0xFFFF_FFFF) }
    public var generation: UInt32 { UInt32(raw >> 32) }

    public init(raw: UInt64) { self.raw = raw }
    public init(index: Int, generation: UInt32) { raw = UInt64(generation) << 32 | UInt64(index) }
}

/// Why a connection ended.
public enum CloseReason: Hashable, Sendable {
    /// The peer ended it, and got everything that was in the outbox.
    case peerClosed
    /// `close` was called on our side, or the loop stopped.
    case local
    /// The kernel gave this errno: ECONNRESET, ECONNREFUSED, ETIMEDOUT and so on.
    case failed(Int32)
    /// The peer reads too slowly: the outbox would have passed `outboxBytesMax`.
    case outboxFull
    /// The handshake failed, or the bytes that came are no TLS.
    case tls(TLSError)
}
