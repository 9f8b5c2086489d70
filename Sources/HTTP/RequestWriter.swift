/// Writes HTTP/1.1 requests into a buffer. Fields are treated as by `ResponseWriter`; Host is the caller's to give.
public enum RequestWriter {
    /// Appends a whole request.
    /// - Parameter body: nil writes no Content-Length; an empty array writes a length of 0 (RFC 9110 8.6).
    /// - Returns: false, with nothing appended, when method or target would break the request line.
    @discardableResult
    public static func append(
        method: String, target: String, fields: [(String, String)], body: [UInt8]?, into bytes: inout [UInt8]
    ) -> Bool {
        guard appendStart(method: method, target: target, fields: fields, into: &bytes) else { return false }
        if let body { FieldWriter.append(name: "Content-Length", value: String(body.count), into: &bytes) }
        FieldWriter.append("\r\n", into: &bytes)
        if let body { bytes.append(contentsOf: body) }
        return true
    }

    /// Appends the head of a request with a chunked body.
    /// - Returns: false, with nothing appended, when method or target would break the request line.
    @discardableResult
    public static func appendChunkedHead(
        method: String, target: String, fields: [(String, String)], into bytes: inout [UInt8]
    ) -> Bool {
        guard appendStart(method: method, target: target, fields: fields, into: &bytes) else { return false }
        FieldWriter.append("Transfer-Encoding: chunked\r\n\r\n", into: &bytes)
        return true
    }

    /// Appends a chunk; nothing when it is empty.
    public static func appendChunk(_ data: [UInt8], into bytes: inout [UInt8]) {
        data.withUnsafeBytes { FieldWriter.appendChunk($0, into: &bytes) }
    }

    /// Appends the end of a chunked body.
    public static func appendLastChunk(into bytes: inout [UInt8]) {
        FieldWriter.appendLastChunk(into: &bytes)
    }

    private static func appendStart(
        method: String, target: String, fields: [(String, String)], into bytes: inout [UInt8]
    ) -> Bool {
        // RFC 9112 3: white space in a target would be a second request line's beginning.
        guard Octet.isTokenText(method), !target.isEmpty, target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return false
        }
        FieldWriter.append("\(method) \(target) HTTP/1.1\r\n", into: &bytes)
        FieldWriter.append(fields, except: ["content-length", "transfer-encoding"], into: &bytes)
        return true
    }
}
