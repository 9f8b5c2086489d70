internal import HTTPTypes

/// One method of one resource, and what answers it.
struct Route: Sendable {
    /// Calls the reply once: at once, or when what it waits for is there.
    typealias Answering = @Sendable (RESTRoutes, RESTRequest, @escaping RESTRoutes.Reply) throws -> Void

    let method: HTTPRequest.Method
    let pattern: RoutePattern
    let answer: Answering

    /// - Parameter path: as in `/v1/records/{kind}/{id}`; what is in braces is ``RESTRequest/parameters``, in order.
    init(_ method: HTTPRequest.Method, _ path: String, later answer: @escaping Answering) {
        self.method = method
        pattern = RoutePattern(path)
        self.answer = answer
    }

    init(
        _ method: HTTPRequest.Method, _ path: String,
        _ answer: @escaping @Sendable (RESTRoutes, RESTRequest) throws -> RESTAnswer
    ) {
        self.init(method, path, later: { routes, request, reply in reply(try answer(routes, request)) })
    }

    /// The methods of a resource; none where there is no such resource.
    static func methods(of path: String, in routes: [Route]) -> [HTTPRequest.Method] {
        let path = RoutePattern.segments(of: path)
        return routes.filter { $0.pattern.match(path) != nil }.map(\.method)
    }

    /// The route of a request, with the chosen segments.
    ///
    /// - Throws: ``MethodRefusal`` where there is no such resource, or no such method of it.
    static func find(
        _ method: HTTPRequest.Method, _ path: String, in routes: [Route]
    ) throws -> (route: Route, parameters: [String]) {
        let path = RoutePattern.segments(of: path)
        var allowed: [HTTPRequest.Method] = []
        for route in routes {
            guard let parameters = route.pattern.match(path) else { continue }
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
