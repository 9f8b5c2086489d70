internal import Hub
internal import Wire

/// An answer that is no success, as this dialect's clients read it.
///
/// What the client does on a status decides which one is given. 401 and 403 stop it until a good `/api/auth-check`, which
/// asks for nothing but a key: 403 is never answered, for the next write would stop it again, and its pulls with it. On
/// every other status it tries the same write on five more passes, a minute apart, and goes on with the rest meanwhile.
/// So limits, which a person can lift in that time, are 507: no row is lost at once, and none blocks the others.
struct MemoryRefusal: Error {
    let status: Int
    /// Stable, for programs.
    let code: String
    /// For people: what is wrong, and what to do.
    let sentence: String
    var fields: [(String, String)] = []

    init(_ status: Int, _ code: String, _ sentence: String) {
        self.status = status
        self.code = code
        self.sentence = sentence
    }

    /// A field that is not as it must be.
    static func invalid(_ sentence: String) -> MemoryRefusal { MemoryRefusal(422, "invalid", sentence) }

    static let recordLimit = MemoryRefusal(
        507, "record_limit", "the tier's limit of records is reached: delete some, or raise it with `carillon user`")

    init(_ error: DialectError) {
        switch error {
        case .unauthorized: self.init(401, "unauthorized", "the API key is missing, wrong or revoked")
        case .forbidden(let sentence): self.init(409, "forbidden", sentence)
        case .deviceLimit(let count, let max, let tier):
            self.init(
                507, "device_limit",
                "\(count) of \(max) devices of the tier \(tier) are registered: remove one with `carillon device`")
        case .notFound: self.init(404, "not_found", "there is no such memory")
        case .methodNotAllowed(let allowed):
            self.init(405, "method_not_allowed", "allowed here: \(allowed.joined(separator: ", "))")
            fields = [("Allow", allowed.joined(separator: ", "))]
        case .badRequest(let sentence): self.init(400, "bad_request", sentence)
        case .tooLarge(let bytesMax): self.init(413, "too_large", "the body is over \(bytesMax) bytes")
        case .overloaded(let retryAfterMs):
            self.init(503, "overloaded", "the hub has too much to do: try again")
            fields = [MemoryRefusal.retryAfter(retryAfterMs)]
        case .unavailable(let retryAfterMs):
            self.init(503, "unavailable", "the hub's store is away: try again")
            fields = [MemoryRefusal.retryAfter(retryAfterMs)]
        case .storageFull: self.init(507, "storage_full", "the hub's disk is full")
        case .shuttingDown:
            self.init(503, "shutting_down", "the hub is stopping: try again")
            fields = [MemoryRefusal.retryAfter(1_000)]
        case .internal: self.init(500, "internal", "the hub failed; its log says more")
        }
    }

    private static func retryAfter(_ milliseconds: Int) -> (String, String) {
        ("Retry-After", String(max(1, (milliseconds + 999) / 1_000)))
    }
}

extension DialectAnswer {
    init(_ refusal: MemoryRefusal) {
        var out: [UInt8] = []
        out.put(#"{"error":"#)
        out.putString(refusal.code)
        out.put(#","detail":"#)
        out.putString(refusal.sentence)
        out.put("}")
        self.init(status: refusal.status, fields: refusal.fields, json: out)
    }
}
