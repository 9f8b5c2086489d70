/// Why a message was refused. After one of these the connection's framing is lost: answer `status` and close.
public enum HTTPError: Error, Equatable, Sendable {
    /// The request line is not `method SP target SP version` (RFC 9112 3).
    case requestLineInvalid
    /// The status line of a response is malformed (RFC 9112 4).
    case statusLineInvalid
    /// The target is none of the four forms, or not one this method allows (RFC 9112 3.2).
    case targetInvalid
    /// The start line exceeds `HTTPLimits.requestLineBytesMax`.
    case requestLineTooLong
    /// The major version is not 1 (RFC 9110 2.5).
    case versionUnsupported
    /// CONNECT: the hub is not a proxy (RFC 9110 9.3.6).
    case methodUnsupported
    /// The head exceeds `HTTPLimits.headBytesMax`.
    case headTooLarge
    /// The head has more fields than `HTTPLimits.fieldCountMax`.
    case fieldsTooMany
    /// A line ends with LF alone, or a CR stands alone (RFC 9112 2.2).
    case lineEndInvalid
    /// A field line has no colon or its name is not a token (RFC 9112 5).
    case fieldNameInvalid
    /// White space between name and colon (RFC 9112 5.1).
    case spaceBeforeColon
    /// A line begins with white space: obsolete folding (RFC 9112 5.2).
    case foldingObsolete
    /// A control character in a field value (RFC 9110 5.5).
    case fieldValueInvalid
    /// An HTTP/1.1 request without Host (RFC 9112 3.2).
    case hostMissing
    /// More than one Host (RFC 9112 3.2).
    case hostRepeated
    /// Host is not `host [":" port]` (RFC 9110 7.2).
    case hostInvalid
    /// Content-Length is not a row of digits (RFC 9110 8.6).
    case contentLengthInvalid
    /// Content-Length appears more than once (RFC 9112 6.3).
    case contentLengthRepeated
    /// Content-Length beside Transfer-Encoding (RFC 9112 6.1).
    case contentLengthBesideTransferEncoding
    /// Transfer-Encoding is empty, names chunked twice, or stands in an HTTP/1.0 message (RFC 9112 6.1).
    case transferEncodingInvalid
    /// A transfer coding other than chunked (RFC 9112 6.1).
    case transferCodingUnsupported
    /// The chunked framing is broken (RFC 9112 7.1).
    case chunkInvalid
    /// The chunk extensions exceed `HTTPLimits.chunkExtensionBytesMax`.
    case chunkExtensionsTooLong
    /// The trailer section is malformed (RFC 9112 7.1.2).
    case trailerInvalid
    /// The trailer section exceeds `HTTPLimits.trailerBytesMax`.
    case trailerTooLarge
    /// The body exceeds `HTTPLimits.bodyBytesMax`.
    case bodyTooLarge
    /// The body is not of the coding that Content-Encoding names (RFC 9110 8.4).
    case contentCodingInvalid
    /// The peer closed in the middle of a message (RFC 9112 8).
    case truncated

    /// The status a server answers with before it closes.
    public var status: Int {
        switch self {
        case .requestLineTooLong: 414
        case .versionUnsupported: 505
        case .methodUnsupported, .transferCodingUnsupported: 501
        case .headTooLarge, .fieldsTooMany, .trailerTooLarge: 431
        case .bodyTooLarge: 413
        case .requestLineInvalid, .statusLineInvalid, .targetInvalid, .lineEndInvalid, .fieldNameInvalid,
            .spaceBeforeColon, .foldingObsolete, .fieldValueInvalid, .hostMissing, .hostRepeated, .hostInvalid,
            .contentLengthInvalid, .contentLengthRepeated, .contentLengthBesideTransferEncoding,
            .transferEncodingInvalid, .chunkInvalid, .chunkExtensionsTooLong, .trailerInvalid, .truncated,
            .contentCodingInvalid:
            400
        }
    }

    /// One sentence for a person: what is wrong, in words that hold nothing of the peer's bytes.
    public var sentence: String {
        switch self {
        case .requestLineInvalid: "The request line is malformed."
        case .statusLineInvalid: "The status line is malformed."
        case .targetInvalid: "The request target is malformed."
        case .requestLineTooLong: "The request line is too long."
        case .versionUnsupported: "Only HTTP/1.1 and HTTP/1.0 are spoken here."
        case .methodUnsupported: "This method is not implemented."
        case .headTooLarge: "The head is too large."
        case .fieldsTooMany: "The head has too many fields."
        case .lineEndInvalid: "Lines must end with CR LF."
        case .fieldNameInvalid: "A field line is malformed."
        case .spaceBeforeColon: "A field name is followed by white space."
        case .foldingObsolete: "A field is folded over several lines."
        case .fieldValueInvalid: "A field value holds a control character."
        case .hostMissing: "The Host field is missing."
        case .hostRepeated: "The Host field is repeated."
        case .hostInvalid: "The Host field is malformed."
        case .contentLengthInvalid: "Content-Length is malformed."
        case .contentLengthRepeated: "Content-Length is repeated."
        case .contentLengthBesideTransferEncoding: "Content-Length and Transfer-Encoding exclude each other."
        case .transferEncodingInvalid: "Transfer-Encoding is malformed."
        case .transferCodingUnsupported: "The only transfer coding known here is chunked."
        case .chunkInvalid: "The chunked body is malformed."
        case .chunkExtensionsTooLong: "The chunk extensions are too long."
        case .trailerInvalid: "The trailer section is malformed."
        case .trailerTooLarge: "The trailer section is too large."
        case .bodyTooLarge: "The body is too large."
        case .contentCodingInvalid: "The body is not what Content-Encoding says it is."
        case .truncated: "The connection ended in the middle of a message."
        }
    }
}
