/// An error as REST answers it: problem details (RFC 9457), media type ``mediaType``.
public struct Problem: Error, Sendable, Equatable {
    public static let mediaType = "application/problem+json"

    public var code: ErrorCode
    /// What happened this time; the code's own sentence where nothing more is known.
    public var detail: String?
    public var retryAfterMs: Int?
    /// The push or record that it is about.
    public var id: String?
    /// The answer's status; the code's own unless HTTP has a closer one.
    public var status: Int

    public init(code: ErrorCode, detail: String? = nil, retryAfterMs: Int? = nil, id: String? = nil) {
        self.code = code
        self.detail = detail
        self.retryAfterMs = retryAfterMs
        self.id = id
        status = code.httpStatus
    }

    public init(_ error: FrameError) {
        self.init(code: error.code, detail: error.message, id: error.pushID)
    }

    /// RFC 9457 3.1 members, then ours: `code`, `remedy`, `retryable`, `retry_after_ms`, `id`.
    public func encode(into out: inout [UInt8]) {
        // A URN and not a URL: the hub has no public address of its own to promise documents at.
        out.put("{\"type\":\"urn:carillon:error:")
        out.append(contentsOf: code.rawValue.utf8)
        out.put("\",\"title\":")
        out.putString(code.sentence)
        out.put(",\"status\":")
        out.putInteger(status)
        out.put(",\"detail\":")
        out.putString(detail ?? code.sentence)
        out.put(",\"code\":\"")
        out.append(contentsOf: code.rawValue.utf8)
        out.put("\"")
        code.encodeAdvice(retryAfterMs: retryAfterMs, id: id, into: &out)
        out.put("}")
    }
}
