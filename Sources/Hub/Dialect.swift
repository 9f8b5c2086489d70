public import HTTP
public import HTTPTypes

/// A foreign protocol in front of the hub's one core: its clients' paths and forms, and nothing of its own behind them.
///
/// A dialect knows no other. It reads the store's log and hands changes to a ``DialectDesk``; order, verdicts and
/// delivery are the core's.
public protocol Dialect: Sendable {
    /// As `--dialects` names it: lower-case letters.
    var name: String { get }
    /// What it answers under its path prefix. The first that matches is taken.
    var routes: [DialectRoute] { get }
    /// Its clients' form of what the hub, and not the dialect, has to say: no key, no such path, a store that is away.
    func answer(to error: DialectError) -> DialectAnswer
}

/// One method of one of a dialect's paths.
public struct DialectRoute: Sendable {
    /// Calls the reply once. On a queue where it may block.
    public typealias Answering =
        @Sendable (DialectRequest, DialectDesk, @escaping @Sendable (DialectAnswer) -> Void) throws -> Void

    enum Action: Sendable {
        case answer(Answering)
        case socket(@Sendable (DialectRequest, DialectDesk) throws -> DialectSocket)
    }

    let method: HTTPRequest.Method
    let pattern: RoutePattern
    /// Bytes of a body. What is over ``HubLimits/dialectMemoryBodyBytesMax`` waits in a file until it is whole.
    private(set) var bodyBytesMax: Int
    /// Whether a body is read before the key is seen to be one: of those who come for a key.
    let isOpenToStrangers: Bool
    let action: Action

    var isSocket: Bool {
        if case .socket = action { true } else { false }
    }

    /// - Parameter path: as in `/api/memories/{id}`; what is in braces is ``DialectRequest/parameters``, in order.
    public init(
        later method: HTTPRequest.Method, _ path: String, bodyBytesMax: Int = 1 << 20,
        isOpenToStrangers: Bool = false, answer: @escaping Answering
    ) {
        self.method = method
        pattern = RoutePattern(path)
        self.bodyBytesMax = bodyBytesMax
        self.isOpenToStrangers = isOpenToStrangers
        action = .answer(answer)
    }

    public init(
        _ method: HTTPRequest.Method, _ path: String, bodyBytesMax: Int = 1 << 20, isOpenToStrangers: Bool = false,
        answer: @escaping @Sendable (DialectRequest, DialectDesk) throws -> DialectAnswer
    ) {
        self.init(later: method, path, bodyBytesMax: bodyBytesMax, isOpenToStrangers: isOpenToStrangers) {
            $2(try answer($0, $1))
        }
    }

    /// A WebSocket that tells of changes. What `open` throws refuses the handshake.
    public init(
        socket path: String, open: @escaping @Sendable (DialectRequest, DialectDesk) throws -> DialectSocket
    ) {
        method = .get
        pattern = RoutePattern(path)
        bodyBytesMax = 0
        isOpenToStrangers = true
        action = .socket(open)
    }
}

/// A request to a dialect.
public struct DialectRequest: Sendable {
    public let head: RequestHead
    public let body: DialectBody
    /// What the path's open segments say, decoded, in their order.
    public let parameters: [String]

    public init(head: RequestHead, body: DialectBody, parameters: [String]) {
        self.head = head
        self.body = body
        self.parameters = parameters
    }

    /// The key of `Authorization: Bearer` or `X-API-Key`.
    public var key: String? { head.apiKey }

    /// The first value of a parameter of the query; nil where it is absent.
    ///
    /// - Throws: ``DialectError/badRequest(_:)`` where its bytes are no UTF-8.
    public func query(_ name: String) throws(DialectError) -> String? {
        do {
            return try head.parameter(name)
        } catch {
            throw .badRequest(error.sentence)
        }
    }
}

/// What a dialect answers.
public struct DialectAnswer: Sendable {
    public var status: Int
    public var fields: [(String, String)]
    public var body: DialectBody
    /// Whether a fresh key or token is in it: such an answer is never compressed. Beside something that the asker chose,
    /// its length would tell of the secret (BREACH, 2013).
    public var holdsSecret = false

    public init(status: Int = 200, fields: [(String, String)] = [], json body: DialectBody) {
        self.status = status
        self.fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")] + fields
        self.body = body
    }

    public init(status: Int = 200, fields: [(String, String)] = [], json body: [UInt8]) {
        self.init(status: status, fields: fields, json: DialectBody(body))
    }
}

/// What the hub has to say to a dialect's client.
public enum DialectError: Error, Sendable, Equatable {
    case unauthorized
    case forbidden(String)
    /// The user has as many devices as their tier allows.
    case deviceLimit(count: Int, max: Int, tier: String)
    case notFound
    case methodNotAllowed(allowed: [String])
    case badRequest(String)
    case tooLarge(bytesMax: Int)
    case overloaded(retryAfterMs: Int)
    case unavailable(retryAfterMs: Int)
    case storageFull
    case shuttingDown
    case `internal`
}
