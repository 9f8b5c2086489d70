internal import HTTP
internal import HTTPTypes

/// Sites whose pages may ask the dialects' paths from a browser (Fetch Standard, 3.2 "CORS protocol").
///
/// Keys come in header fields that a page sets by itself: cookies and other credentials that a browser adds are never
/// asked for, so a page gets what its own key opens.
struct DialectOrigins: Sendable {
    /// How long a browser keeps the answer to a preflight: as long as a key that was revoked could matter to nobody,
    /// short enough that a hub started with other sites is noticed.
    private static let preflightSeconds = 600
    private static let requestFields = "Authorization, Content-Type, X-API-Key, X-Device-Id"
    private static let answerFields = "Retry-After"

    private let origins: Set<String>

    init(_ origins: [String]) {
        self.origins = Set(origins)
    }

    /// The answer to a browser that asks whether a page may send what it wants to; nil where the request is another, or
    /// of a page of another site: that is told that OPTIONS is no method here, and the browser gives up.
    func preflight(_ head: RequestHead, _ error: DialectError) -> RESTAnswer? {
        guard head.request.method == .options, case .methodNotAllowed(let methods) = error,
            head.field(.accessControlRequestMethod) != nil, allowed(head) != nil
        else { return nil }
        var answer = RESTAnswer.done
        answer.fields += [
            ("Access-Control-Allow-Methods", methods.joined(separator: ", ")),
            ("Access-Control-Allow-Headers", DialectOrigins.requestFields),
            ("Access-Control-Max-Age", String(DialectOrigins.preflightSeconds)),
        ]
        return answer
    }

    /// What every answer on a dialect's path says besides; nothing where no site may ask.
    func fields(_ head: RequestHead, _ lookup: DialectTable.Lookup) -> [(String, String)] {
        guard !origins.isEmpty else { return [] }
        if case .none = lookup { return [] }
        let vary = ("Vary", "Origin")
        guard let origin = allowed(head) else { return [vary] }
        return [
            vary, ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", DialectOrigins.answerFields),
        ]
    }

    private func allowed(_ head: RequestHead) -> String? {
        head.field(.origin).flatMap { origins.contains($0) ? $0 : nil }
    }
}
