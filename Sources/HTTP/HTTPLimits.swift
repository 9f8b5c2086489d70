/// The bounds within which one HTTP/1.1 message is read.
///
/// Every buffer and every loop of the parsers stops at one of these numbers, so a peer decides neither how much memory
/// nor how much work a message costs.
public struct HTTPLimits: Sendable {
    /// Longest request line or status line in bytes, without its CRLF. Default 8,192: RFC 9112 3 asks for at least
    /// 8,000. Beyond it the answer is 414.
    public var requestLineBytesMax = 8192

    /// Longest head in bytes: start line, fields and the empty line. Default 16,384, as most servers have it. Beyond it
    /// the answer is 431 (RFC 6585 5).
    public var headBytesMax = 16_384

    /// Most field lines of a head. Default 100; a browser sends about 20. Beyond it the answer is 431.
    public var fieldCountMax = 100

    /// Longest body in bytes, decoded. Default 16 MiB, the same as a WebSocket message. Beyond it the answer is 413.
    public var bodyBytesMax = 16 << 20

    /// Bytes of chunk extensions in one whole message, not in one chunk: a bound for each chunk alone lets one-byte
    /// chunks cost a kilobyte each (CVE-2023-39326). Default 1,024.
    public var chunkExtensionBytesMax = 1024

    /// Bytes of the trailer section of a chunked body. Default 8,192. Beyond it the answer is 431.
    public var trailerBytesMax = 8192

    /// The default bounds.
    public init() {}
}
