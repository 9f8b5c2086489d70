internal import HTTPTypes

/// One method of one resource, and what answers it.
struct Route: Sendable {
    /// Calls the reply once: at once, or when what it waits for is there.
    typealias Answering = @Sendable (RESTRoutes, RESTRequest, @escaping RESTRoutes.Reply) throws -> Void

    let method: HTTPRequest.Method
    /// The path's segments; nil stands for one that the request chooses.
    private let segments: [String?]
    let answer: Answering

    /// - Parameter path: as in `/v1/records/{kind}/{id}`; what is in braces is ``RESTRequest/parameters``, in order.
    init(_ method: HTTPRequest.Method, _ path: String, later answer: @escaping Answering) {
        self.method = method
        segments = Route.segments(of: path).map { $0.hasPrefix("{") ? nil : $0 }
        self.answer = answer
    }

    init(
        _ method: HTTPRequest.Method, _ path: String,
        _ answer: @escaping @Sendable (RESTRoutes, RESTRequest) throws -> RESTAnswer
    ) {
        self.init(method, path, later: { routes, request, reply in reply(try answer(routes, request)) })
    }

    /// The chosen segments, as sent; nil when the path is another one.
    func match(_ path: [String]) -> [String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String] = []
        for (segment, wanted) in zip(path, segments) {
            if let wanted {
                guard segment == wanted else { return nil }
            } else {
                parameters.append(segment)
            }
        }
        return parameters
    }

    static func segments(of path: String) -> [String] {
        path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    }

    /// The route of a request, with the chosen segments.
    ///
    /// - Throws: ``MethodRefusal`` where there is no such resource, or no such method of it.
    static func find(
        _ method: HTTPRequest.Method, _ path: String, in routes: [Route]
    ) throws -> (route: Route, parameters: [String]) {
        let path = segments(of: path)
        var allowed: [HTTPRequest.Method] = []
        for route in routes {
            guard let parameters = route.match(path) else { continue }
            // RFC 9110 9.3.2: HEAD wherever there is GET; the shard leaves the body out.
            if route.method == method || (method == .head && route.method == .get) { return (route, parameters) }
            allowed.append(route.method)
        }
        guard !allowed.isEmpty else { throw MethodRefusal.noResource }
        throw MethodRefusal(allowed: allowed.contains(.get) ? allowed + [.head] : allowed)
    }
}

/// The resource is there, the method is not (RFC 9110 15.5.6).
struct MethodRefusal: Error {
    let allowed: [HTTPRequest.Method]

    /// There is no resource of this path either.
    static let noResource = MethodRefusal(allowed: [])
}
