/// Which end of the connection a machine is: it decides who masks (RFC 6455 5.1).
public enum WebSocketRole: Sendable {
    case server
    case client
}

/// The bounds within which messages are read.
public struct WebSocketLimits: Sendable {
    /// Longest message in bytes. Default 16 MiB: the longest of the Autobahn suite (9.1.6). Beyond it: close 1009.
    public var messageBytesMax = 16 << 20
    /// Most frames of one message. Default 262,144: a 16 MiB message in fragments of 64 bytes (Autobahn 9.3.1 has a
    /// quarter of that). It bounds empty fragments, which no byte limit does. Beyond it: close 1009.
    public var fragmentsMax = 262_144
    /// Longest frame in bytes, default 16 MiB: a message may be one frame. Beyond it: close 1009.
    public var frameBytesMax = 16 << 20
    /// How many times its compressed bytes a message may be, beside ``inflateFreeBytes``. Default 200: JSON is ten times,
    /// a list of the same word a hundred, and a bomb of zeros 1,032. Beyond it: close 1009.
    public var inflateRatioMax = 200
    /// Bytes of a connection's messages that may come whatever the ratio. What denser messages spend of them, later ones
    /// that are less dense than they might be make good: so many small bombs are no more than one. Default 256 KiB.
    public var inflateFreeBytes = 256 << 10

    /// The default bounds.
    public init() {}
}

/// The reserved bits of a frame (RFC 6455 5.2).
public struct ReservedBits: OptionSet, Sendable {
    public let rawValue: UInt8

    /// The bits as they lie in a frame's first octet.
    public init(rawValue: UInt8) { self.rawValue = rawValue & 0x70 }

    /// "Per-message compressed" in RFC 7692 6.
    public static let first = ReservedBits(rawValue: 0x40)
    /// Assigned to no extension.
    public static let second = ReservedBits(rawValue: 0x20)
    /// Assigned to no extension.
    public static let third = ReservedBits(rawValue: 0x10)
}

/// The two kinds of message (RFC 6455 5.6).
public enum MessageKind: Sendable {
    case text
    case binary
}

/// What a machine has received. Payloads are valid until the next call of `next()` or `receive`.
public enum WebSocketEvent {
    /// A whole text message, checked to be UTF-8.
    case text(UnsafeRawBufferPointer)
    /// A whole binary message.
    case binary(UnsafeRawBufferPointer)
    /// Answer with `appendPong` and the same payload (RFC 6455 5.5.2).
    case ping(UnsafeRawBufferPointer)
    /// An answer to a ping, or unasked (RFC 6455 5.5.3).
    case pong(UnsafeRawBufferPointer)
    /// The peer closes: answer with `appendClose`, then close (RFC 6455 5.5.1). Nothing comes after it.
    case close(CloseCode?, reason: String)
    /// The peer broke a rule: send `appendClose` with this code, then close (RFC 6455 7.1.7). Nothing comes after it.
    case failed(CloseCode, reason: String)
}
