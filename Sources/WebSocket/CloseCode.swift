/// A close code (RFC 6455 7.4 and the IANA registry).
public struct CloseCode: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt16

    /// Any number; `mayBeSent` tells whether it may go into a Close frame.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The purpose is fulfilled.
    public static let normal = CloseCode(rawValue: 1000)
    /// The server goes down, or the page is left.
    public static let goingAway = CloseCode(rawValue: 1001)
    /// The peer broke the protocol.
    public static let protocolError = CloseCode(rawValue: 1002)
    /// The kind of data cannot be accepted.
    public static let unsupportedData = CloseCode(rawValue: 1003)
    /// Reserved: the Close frame had no code. Never sent.
    public static let noStatus = CloseCode(rawValue: 1005)
    /// Reserved: the connection broke without a Close frame. Never sent.
    public static let abnormal = CloseCode(rawValue: 1006)
    /// Text that is not UTF-8.
    public static let invalidPayload = CloseCode(rawValue: 1007)
    /// The message breaks a rule of ours.
    public static let policyViolation = CloseCode(rawValue: 1008)
    /// The message is too big.
    public static let messageTooBig = CloseCode(rawValue: 1009)
    /// The client misses an extension.
    public static let extensionMissing = CloseCode(rawValue: 1010)
    /// The server met something unexpected.
    public static let internalError = CloseCode(rawValue: 1011)
    /// The server restarts (IANA registry).
    public static let serviceRestart = CloseCode(rawValue: 1012)
    /// The server is overloaded (IANA registry).
    public static let tryAgainLater = CloseCode(rawValue: 1013)
    /// A gateway's upstream failed (IANA registry).
    public static let badGateway = CloseCode(rawValue: 1014)
    /// Reserved: the TLS handshake failed. Never sent.
    public static let tlsHandshake = CloseCode(rawValue: 1015)

    /// Whether a Close frame may hold it: assigned and not reserved (RFC 6455 7.4.1), or in the ranges for libraries
    /// (3000 to 3999) and applications (4000 to 4999) (RFC 6455 7.4.2).
    public var mayBeSent: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
