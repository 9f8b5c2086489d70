/// What a hub compresses.
public struct CompressionChoice: Sendable {
    /// Whether WebSockets may compress their messages (RFC 7692) and answers come as gzip, where a peer offers or asks.
    /// What a peer sends as gzip is read in any case.
    public var isOffered = true
    /// Bytes of an answer below which it goes as it is: it fits a packet or two whatever is done.
    public var answerBytesMin = 1_024

    public init() {}
}
