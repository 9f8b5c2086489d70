internal import Causality
internal import HTTP
internal import HTTPTypes
internal import Logging
internal import Storage
internal import Wire

/// A request that is no upgrade.
struct RESTRequest: Sendable {
    let head: RequestHead
    let body: [UInt8]
}

/// What it is answered.
struct RESTAnswer: Sendable {
    var status: Int
    var fields: [(String, String)]
    var body: [UInt8]

    init(status: Int = 200, json body: [UInt8]) {
        self.status = status
        self.fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        self.body = body
    }

    /// Problem details (RFC 9457).
    init(_ problem: Problem) {
        status = problem.code.httpStatus
        fields = [("Content-Type", Problem.mediaType), ("Cache-Control", "no-store")]
        if problem.code == .unauthorized { fields.append(("WWW-Authenticate", "Bearer")) }
        if let delay = problem.retryAfterMs { fields.append(("Retry-After", String((delay + 999) / 1_000))) }
        body = []
        problem.encode(into: &body)
    }
}

/// The REST surface. Blocking: for read queues.
struct RESTRoutes: Sendable {
    typealias Reply = @Sendable (RESTAnswer) -> Void

    let core: HubCore
    /// Takes a good request for an answer that goes on; then `reply` is never called.
    let open: @Sendable (StreamOpening) -> Void

    /// Calls `reply` once, at once or when a push is settled, or ``open``.
    func answer(_ request: RESTRequest, reply: @escaping Reply) {
        do {
            try route(request, reply: reply)
        } catch let refusal as MethodRefusal {
            var answer = RESTAnswer(
                Problem(code: .methodNotAllowed, detail: "use \(refusal.allowed.joined(separator: " or "))"))
            answer.fields.append(("Allow", refusal.allowed.joined(separator: ", ")))
            reply(answer)
        } catch let problem as Problem {
            reply(RESTAnswer(problem))
        } catch let error as ErrorFrameError {
            reply(RESTAnswer(Problem(error.frame)))
        } catch let error as StoreError {
            core.log.warning("a request failed in the store: \(error)")
            reply(RESTAnswer(Problem(ErrorFrame(error))))
        } catch {
            core.log.error("a request failed: \(error)")
            reply(RESTAnswer(Problem(code: .internal)))
        }
    }

    private func route(_ request: RESTRequest, reply: @escaping Reply) throws {
        let path = request.head.path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        switch path {
        case ["health"]:
            try allow(["GET"], request)
            reply(RESTAnswer(json: Array(#"{"status":"ok"}"#.utf8)))
        case ["ready"]:
            try allow(["GET"], request)
            reply(try ready())
        case ["v1", "push"]:
            try allow(["POST"], request)
            try push(request, reply: reply)
        case ["v1", "pull"]:
            try allow(["GET"], request)
            reply(try pull(request))
        case ["v1", "changes"]:
            try allow(["GET"], request)
            open(try changes(request))
        case ["v1", "export"]:
            try allow(["GET"], request)
            open(try export(request))
        case ["v1", "devices"]:
            try allow(["POST"], request)
            reply(try registerDevice(request))
        case ["v1", "status"]:
            try allow(["GET"], request)
            reply(try status(request))
        default:
            guard path.count == 4, path[0] == "v1", path[1] == "records" else { throw Problem(code: .notFound) }
            try allow(["GET"], request)
            reply(try record(request, kind: path[2], id: path[3]))
        }
    }

    private func allow(_ methods: [String], _ request: RESTRequest) throws {
        // RFC 9110 9.3.2: HEAD wherever there is GET; the shard leaves the body out.
        let method = request.head.request.method.rawValue
        guard methods.contains(method) || (method == "HEAD" && methods.contains("GET")) else {
            throw MethodRefusal(allowed: methods)
        }
    }

    func holder(_ request: RESTRequest) throws -> Authenticator.Holder {
        try Authenticator(store: core.store).holder(of: request.head.apiKey)
    }

    private func ready() throws -> RESTAnswer {
        if core.isDraining { throw Problem(code: .shuttingDown) }
        _ = try core.store.head(of: "")
        return RESTAnswer(json: Array(#"{"status":"ready"}"#.utf8))
    }
}

/// The resource is there, the method is not (RFC 9110 15.5.6).
private struct MethodRefusal: Error {
    let allowed: [String]
}

extension Problem {
    init(_ frame: ErrorFrame) {
        self.init(code: frame.code, detail: frame.message, retryAfterMs: frame.retryAfterMs, id: frame.pushID)
    }
}
