/// Writes HTTP/1.1 responses into a buffer.
///
/// Content-Length and Transfer-Encoding are the writer's; given ones are dropped. So is every field whose name is not
/// a token or whose value holds a control character.
public enum ResponseWriter {
    /// Appends a whole response.
    /// - Parameters:
    ///   - keepAlive: false writes `Connection: close` (RFC 9112 9.6).
    ///   - isHTTP10: the peer speaks HTTP/1.0 and is told `Connection: keep-alive` when the connection stays.
    ///   - omitsBody: for HEAD: the length of `body` is written, `body` is not (RFC 9110 9.3.2).
    public static func append(
        status: Int, fields: [(String, String)], body: UnsafeRawBufferPointer, keepAlive: Bool,
        isHTTP10: Bool = false, omitsBody: Bool = false, into bytes: inout [UInt8]
    ) {
        appendStart(status: status, fields: fields, keepAlive: keepAlive, isHTTP10: isHTTP10, into: &bytes)
        let hasBody = mayHaveBody(status)
        if hasBody { FieldWriter.append(name: "Content-Length", value: String(body.count), into: &bytes) }
        FieldWriter.append("\r\n", into: &bytes)
        if hasBody, !omitsBody { bytes.append(contentsOf: body) }
    }

    /// Appends a whole response whose body is an array.
    public static func append(
        status: Int, fields: [(String, String)], body: [UInt8], keepAlive: Bool, isHTTP10: Bool = false,
        omitsBody: Bool = false, into bytes: inout [UInt8]
    ) {
        body.withUnsafeBytes {
            append(
                status: status, fields: fields, body: $0, keepAlive: keepAlive, isHTTP10: isHTTP10,
                omitsBody: omitsBody, into: &bytes)
        }
    }

    /// Appends a head alone: of a chunked body, or of a body that ends with the connection, or of 101.
    public static func appendHead(
        status: Int, fields: [(String, String)], chunked: Bool, keepAlive: Bool = true, into bytes: inout [UInt8]
    ) {
        appendStart(status: status, fields: fields, keepAlive: keepAlive, isHTTP10: false, into: &bytes)
        // RFC 9112 6.1: never with 1xx and 204.
        if chunked, mayHaveBody(status) {
            FieldWriter.append(name: "Transfer-Encoding", value: "chunked", into: &bytes)
        }
        FieldWriter.append("\r\n", into: &bytes)
    }

    /// Appends the head of a body that is sent by itself, `bodyBytes` long.
    public static func appendHead(
        status: Int, fields: [(String, String)], bodyBytes: Int, keepAlive: Bool, isHTTP10: Bool,
        into bytes: inout [UInt8]
    ) {
        appendStart(status: status, fields: fields, keepAlive: keepAlive, isHTTP10: isHTTP10, into: &bytes)
        if mayHaveBody(status) { FieldWriter.append(name: "Content-Length", value: String(bodyBytes), into: &bytes) }
        FieldWriter.append("\r\n", into: &bytes)
    }

    /// Appends a chunk; nothing when it is empty.
    public static func appendChunk(_ data: UnsafeRawBufferPointer, into bytes: inout [UInt8]) {
        FieldWriter.appendChunk(data, into: &bytes)
    }

    /// Appends a chunk; nothing when it is empty.
    public static func appendChunk(_ data: [UInt8], into bytes: inout [UInt8]) {
        data.withUnsafeBytes { FieldWriter.appendChunk($0, into: &bytes) }
    }

    /// Appends the end of a chunked body.
    public static func appendLastChunk(into bytes: inout [UInt8]) {
        FieldWriter.appendLastChunk(into: &bytes)
    }

    /// Appends the interim response a client waits for (RFC 9110 15.2.1).
    public static func appendContinue(into bytes: inout [UInt8]) {
        FieldWriter.append("HTTP/1.1 100 Continue\r\n\r\n", into: &bytes)
    }

    private static func appendStart(
        status: Int, fields: [(String, String)], keepAlive: Bool, isHTTP10: Bool, into bytes: inout [UInt8]
    ) {
        // RFC 9112 4: three digits. Anything else is a mistake of ours, told to the peer as one.
        let status = (100...999).contains(status) ? status : 500
        FieldWriter.append("HTTP/1.1 \(status) \(ReasonPhrase.of(status))\r\n", into: &bytes)
        let closes = !keepAlive && status != 101
        // RFC 9110 7.8: beside an Upgrade field, as in 426, "Connection: Upgrade" stays when the connection closes.
        let kept = closes ? fields.filter { !($0.0.lowercased() == "connection" && namesKeepAlive($0.1)) } : fields
        FieldWriter.append(kept, except: ["content-length", "transfer-encoding"], into: &bytes)
        if closes {
            FieldWriter.append("Connection: close\r\n", into: &bytes)
        } else if isHTTP10 {
            FieldWriter.append("Connection: keep-alive\r\n", into: &bytes)
        }
    }

    private static func namesKeepAlive(_ value: String) -> Bool {
        value.split(separator: ",").contains { $0.trimmingSpaces().lowercased() == "keep-alive" }
    }

    /// RFC 9110 8.6 and 6.4.1: 1xx and 204 have neither length nor body; 304 has no body.
    private static func mayHaveBody(_ status: Int) -> Bool {
        status >= 200 && status != 204 && status != 304
    }
}
