/// How compressed bytes are wrapped.
public enum CompressionFormat: Hashable, Sendable {
    /// Bare DEFLATE (RFC 1951), as WebSocket messages have it (RFC 7692), with a window of 2 to the power of `windowBits`
    /// bytes, 9 to 15.
    case deflate(windowBits: Int)
    /// RFC 1952.
    case gzip
}
