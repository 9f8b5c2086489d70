internal import Hub
internal import Wire

/// Errors in the client's form: `{"detail": "..."}`.
enum Detail {
    static func answer(_ status: Int, _ sentence: String, fields: [(String, String)] = []) -> DialectAnswer {
        var out: [UInt8] = []
        out.put("{\"detail\":")
        out.putString(sentence)
        out.put("}")
        return DialectAnswer(status: status, fields: fields, json: out)
    }

    static func answer(_ error: DialectError) -> DialectAnswer {
        switch error {
        case .unauthorized:
            answer(401, "Invalid or missing API key", fields: [("WWW-Authenticate", "ApiKey")])
        case .forbidden(let sentence): answer(403, sentence)
        case .deviceLimit(let count, let max, let tier):
            answer(
                403, "Device limit reached (\(count)/\(max)). Upgrade from \(tier) tier to add more devices.")
        case .notFound: answer(404, "Not Found")
        case .methodNotAllowed(let allowed):
            answer(405, "Method Not Allowed", fields: [("Allow", allowed.joined(separator: ", "))])
        case .badRequest(let sentence): answer(400, sentence)
        case .tooLarge(let bytesMax): answer(413, "The request has more than \(bytesMax) bytes")
        case .overloaded(let pause): answer(503, "The hub is busy; try again later", fields: retry(pause))
        case .unavailable(let pause):
            answer(503, "The hub's store is away; try again later", fields: retry(pause))
        case .storageFull: answer(507, "The hub's disk is full; nothing was stored")
        case .shuttingDown: answer(503, "The hub is shutting down; try again later", fields: retry(1_000))
        case .internal: answer(500, "Internal Server Error")
        }
    }

    private static func retry(_ milliseconds: Int) -> [(String, String)] {
        [("Retry-After", String(max(1, (milliseconds + 999) / 1_000)))]
    }
}
