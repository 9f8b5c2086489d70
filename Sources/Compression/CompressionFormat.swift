/// How compressed bytes are wrapped.
public enum CompressionFormat: Hashable, Sendable {
    /// Bare DEFLATE (RFC 1951), as WebSocket messages have it (RFC 7692), with a window of 2 to the power of `windowBits`
    /// bytes, 9 to 15. zlib has no bare stream with a window of 256 bytes.
    case deflate(windowBits: Int)
    /// RFC 1952.
    case gzip

    /// As zlib's `deflateInit2` and `inflateInit2` take it; nil where they do not do what it says.
    var windowBits: Int32? {
        switch self {
        case .deflate(let bits): (9...15).contains(bits) ? -Int32(bits) : nil
        case .gzip: 15 + 16
        }
    }
}
