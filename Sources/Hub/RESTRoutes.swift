internal import Causality
internal import Foundation
internal import HTTP
internal import HTTPTypes
internal import Logging
internal import Storage
internal import Wire

/// A request that is no upgrade.
struct RESTRequest: Sendable {
    let head: RequestHead
    let body: [UInt8]
    let credentials: Credentials
    /// For the log.
    var asker: PeerName?
    /// What the path's open segments say, decoded, in their order.
    var parameters: [String] = []
}

/// What it is answered.
struct RESTAnswer: Sendable {
    var status: Int
    var fields: [(String, String)]
    var body: [UInt8]
    /// In place of `body`, where it waits in a file.
    var spooled: DialectBody?
    /// As ``DialectAnswer/holdsSecret``.
    var holdsSecret = false

    init(status: Int = 200, json body: [UInt8]) {
        self.status = status
        self.fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        self.body = body
    }

    /// 204: it is done, and there is nothing to say.
    static let done: RESTAnswer = {
        var answer = RESTAnswer(status: 204, json: [])
        answer.fields = [("Cache-Control", "no-store")]
        return answer
    }()

    /// No such resource, or no such method of it.
    init(_ refusal: MethodRefusal) {
        guard !refusal.allowed.isEmpty else {
            self.init(Problem(code: .notFound))
            return
        }
        let names = refusal.allowed.map(\.rawValue)
        self.init(Problem(code: .methodNotAllowed, detail: "use \(names.joined(separator: " or "))"))
        fields.append(("Allow", names.joined(separator: ", ")))
    }

    /// Problem details (RFC 9457).
    init(_ problem: Problem) {
        status = problem.status
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
    let table: [Route]

    init(core: HubCore, open: @escaping @Sendable (StreamOpening) -> Void, table: [Route] = RESTRoutes.table) {
        self.core = core
        self.open = open
        self.table = table
    }

    /// Calls `reply` once, at once or when a push is settled, or ``open``.
    func answer(_ request: RESTRequest, reply: @escaping Reply) {
        do {
            try route(request, reply: reply)
        } catch let refusal as MethodRefusal {
            reply(RESTAnswer(refusal))
        } catch let problem as Problem {
            reply(RESTAnswer(problem))
        } catch let error as ErrorFrameError {
            reply(RESTAnswer(Problem(error.frame)))
        } catch let error as StoreError {
            core.notices.tell(
                .warning, "a request failed in the store",
                ["path": "\(request.head.path)", "error": "\(error)"])
            reply(RESTAnswer(Problem(ErrorFrame(error))))
        } catch {
            core.notices.tell(.error, "a request failed", ["error": "\(error)"])
            reply(RESTAnswer(Problem(code: .internal)))
        }
    }

    private func route(_ request: RESTRequest, reply: @escaping Reply) throws {
        let (route, parameters) = try Route.find(
            request.head.request.method, request.head.path, in: table)
        var request = request
        request.parameters = try parameters.map { text in
            guard let decoded = text.removingPercentEncoding else {
                throw Problem(code: .badID, detail: "the path is not percent-encoded UTF-8")
            }
            return decoded
        }
        try route.answer(self, request, reply)
    }

    func holder(_ request: RESTRequest) throws -> Authenticator.Holder {
        try Authenticator(store: core.store).holder(of: request.credentials)
    }

    /// The space that the parameter `space` names, as the holder of the key reaches it.
    func access(_ request: RESTRequest) throws -> SpaceAccess { try access(request, of: holder(request)) }

    func access(_ request: RESTRequest, of holder: Authenticator.Holder) throws -> SpaceAccess {
        let name = try identifier("space", in: request)
        guard let access = try Authenticator(store: core.store).access(to: name, of: holder.user) else {
            throw Problem(code: .notFound, detail: Authenticator.noSuchSpace)
        }
        return access
    }

    func health() -> RESTAnswer {
        RESTAnswer(json: Array(#"{"status":"ok"}"#.utf8))
    }

    func ready() throws -> RESTAnswer {
        if core.isDraining { throw Problem(code: .shuttingDown) }
        _ = try core.store.head(of: "")
        return RESTAnswer(json: Array(#"{"status":"ready"}"#.utf8))
    }
}

extension Problem {
    init(_ frame: ErrorFrame) {
        self.init(code: frame.code, detail: frame.message, retryAfterMs: frame.retryAfterMs, id: frame.pushID)
    }
}
