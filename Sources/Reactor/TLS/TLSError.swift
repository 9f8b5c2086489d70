/// Why TLS cannot be had, or a connection's TLS failed.
public struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Cause: Hashable, Sendable {
        /// A file is missing, unreadable, or no PEM of what it should be.
        case badFile
        /// A key that is another certificate's.
        case keyMismatch
        /// The peer is not who it should be: unknown authority, another name, expired, or another pin.
        case untrusted
        /// The peer wants a client certificate, or refused the one it got.
        case certificateWanted
        /// Versions, ciphers or bytes that are no TLS.
        case protocolFailure
    }

    public var cause: Cause
    /// One sentence for a person, without the peer's bytes.
    public var sentence: String

    public init(_ cause: Cause, _ sentence: String) {
        self.cause = cause
        self.sentence = sentence
    }

    public var description: String { sentence }
}
