internal import Causality
internal import Hub
internal import Wire

/// What is wrong with a request: `{"error": CODE, "message": TEXT}`, the text with what to do next.
///
/// Its status is never 2xx: the client would mark its rows as synced and lose them.
struct SyncProblem: Error {
    let status: Int
    let code: String
    let message: String
    var retryAfterMs: Int?
    /// Of a 405: what is allowed.
    var allowed: [String] = []
    /// Ids by table: the rows that stood in a push's way.
    var conflicts: [(table: Identifier, ids: [Identifier])] = []

    init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    init(code: ErrorCode, _ message: String? = nil) {
        self.init(code.httpStatus, code.rawValue, "\(message ?? code.sentence) \(code.remedy)")
    }

    /// 400: the app sends what it must not.
    static func badField(_ message: String) -> SyncProblem { SyncProblem(400, ErrorCode.badField.rawValue, message) }

    static func badJSON(_ error: JSONError) -> SyncProblem {
        SyncProblem(
            400, ErrorCode.badJSON.rawValue,
            "Nothing was applied: \(error.code.sentence), at byte \(error.offset) of the body. Send the changes as JSON."
        )
    }

    init(_ error: DialectError) {
        switch error {
        case .unauthorized: self.init(code: .unauthorized)
        case .forbidden(let sentence): self.init(403, ErrorCode.forbidden.rawValue, sentence)
        case .deviceLimit(let count, let max, let tier):
            self.init(code: .deviceLimit, "The user has \(count) devices; the tier \(tier) allows \(max).")
        case .notFound: self.init(code: .notFound)
        case .methodNotAllowed(let methods):
            self.init(code: .methodNotAllowed, "Pull with GET, push with POST.")
            allowed = methods
        case .badRequest(let sentence): self.init(400, ErrorCode.badRequest.rawValue, sentence)
        case .tooLarge(let bytesMax):
            self.init(code: .tooLarge, "The body is over the limit of \(bytesMax) bytes; nothing was applied.")
        case .overloaded(let pause):
            self.init(code: .overloaded)
            retryAfterMs = pause
        case .unavailable(let pause):
            self.init(code: .storeUnavailable)
            retryAfterMs = pause
        case .storageFull: self.init(code: .storageFull)
        case .shuttingDown: self.init(code: .shuttingDown)
        case .internal: self.init(code: .internal)
        }
    }

    var answer: DialectAnswer {
        var fields: [(String, String)] = []
        if let retryAfterMs { fields.append(("Retry-After", String((retryAfterMs + 999) / 1_000))) }
        if !allowed.isEmpty { fields.append(("Allow", allowed.joined(separator: ", "))) }
        var out: [UInt8] = []
        out.put("{\"error\":")
        out.putString(code)
        out.put(",\"message\":")
        out.putString(message)
        if !conflicts.isEmpty {
            out.put(",\"conflicts\":")
            out.putIDs(conflicts)
        }
        out.put("}")
        return DialectAnswer(status: status, fields: fields, json: out)
    }
}

extension [UInt8] {
    /// `{"TABLE": ["ID", ..], ..}`.
    mutating func putIDs(_ tables: [(table: Identifier, ids: [Identifier])]) {
        put("{")
        for (index, table) in tables.enumerated() {
            if index > 0 { put(",") }
            putString(table.table.text)
            put(":[")
            for (index, id) in table.ids.enumerated() {
                if index > 0 { put(",") }
                putString(id.text)
            }
            put("]")
        }
        put("}")
    }
}
