internal import HTTPTypes

/// How the end of a body is found (RFC 9112 6.3).
enum BodyFraming: Equatable {
    case none
    case length(Int)
    case chunked
    case untilClose

    /// The framing the fields announce; nil when they announce none.
    ///
    /// Stricter than the RFC where it offers a choice: what two readers could understand differently is refused.
    static func announced(
        in fields: HTTPFields, isHTTP10: Bool, limits: HTTPLimits
    ) throws(HTTPError) -> BodyFraming? {
        let lengths = fields[values: .contentLength]
        if fields.contains(.transferEncoding) {
            // RFC 9112 6.1: both together "ought to be handled as an error".
            guard lengths.isEmpty else { throw .contentLengthBesideTransferEncoding }
            // RFC 9112 6.1: Transfer-Encoding in HTTP/1.0 is faulty framing.
            if isHTTP10 { throw .transferEncodingInvalid }
            let codings = fields.list(.transferEncoding)
            // RFC 9112 6.1: what we do not understand is 501; RFC 9112 7: chunked is applied once.
            guard !codings.isEmpty else { throw .transferEncodingInvalid }
            guard codings.allSatisfy({ Token.equal($0, "chunked") }) else { throw .transferCodingUnsupported }
            guard codings.count == 1 else { throw .transferEncodingInvalid }
            return .chunked
        }
        guard let text = lengths.first else { return nil }
        // RFC 9112 6.3: differing values are refused; equal ones may be, and are.
        guard lengths.count == 1 else { throw .contentLengthRepeated }
        return .length(try length(text, limits: limits))
    }

    /// RFC 9110 8.6: `1*DIGIT`, any number of them; a list ("5, 5") is refused with the rest.
    private static func length(_ text: String, limits: HTTPLimits) throws(HTTPError) -> Int {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
            throw .contentLengthInvalid
        }
        guard let length = Int(text), length <= limits.bodyBytesMax else { throw .bodyTooLarge }
        return length
    }
}
