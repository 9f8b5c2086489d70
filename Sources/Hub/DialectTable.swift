internal import Foundation
internal import HTTPTypes

/// The dialects that a hub speaks, each under its prefix.
struct DialectTable: Sendable {
    private let mounted: [(prefix: [String], dialect: any Dialect, routes: [DialectRoute])]

    init(_ dialects: [MountedDialect]) {
        mounted = dialects.map { (RoutePattern.segments(of: $0.prefix), $0.dialect, $0.routes) }
    }

    struct Match: Sendable {
        let dialect: any Dialect
        let route: DialectRoute
        let parameters: [String]
    }

    enum Lookup {
        /// No dialect has this path.
        case none
        case found(Match)
        /// A dialect has this path, for other methods.
        case refused(any Dialect, DialectError)
    }

    func find(_ method: HTTPRequest.Method, _ path: String) -> Lookup {
        guard !mounted.isEmpty else { return .none }
        let path = RoutePattern.segments(of: path)
        var refusal: (any Dialect, [String])?
        for (prefix, dialect, routes) in mounted where path.starts(with: prefix) {
            let rest = Array(path.dropFirst(prefix.count))
            for route in routes {
                guard let chosen = route.pattern.match(rest) else { continue }
                guard route.method == method || (method == .head && route.method == .get) else {
                    refusal = (dialect, (refusal?.1 ?? []) + [route.method.rawValue])
                    continue
                }
                let parameters = chosen.compactMap(\.removingPercentEncoding)
                guard parameters.count == chosen.count else {
                    return .refused(dialect, .badRequest("the path is not percent-encoded UTF-8"))
                }
                return .found(Match(dialect: dialect, route: route, parameters: parameters))
            }
        }
        guard let (dialect, allowed) = refusal else { return .none }
        return .refused(dialect, .methodNotAllowed(allowed: allowed))
    }
}

/// A dialect, and where its paths begin.
public struct MountedDialect: Sendable {
    public let dialect: any Dialect
    /// Before each of its paths; empty: none.
    public let prefix: String
    /// In place of what the dialect says of the route that takes the longest bodies; nil: as it says.
    public let longestBodyBytesMax: Int?

    public init(_ dialect: any Dialect, prefix: String = "", longestBodyBytesMax: Int? = nil) {
        self.dialect = dialect
        self.prefix = prefix
        self.longestBodyBytesMax = longestBodyBytesMax
    }

    var routes: [DialectRoute] {
        let routes = dialect.routes
        guard let bytesMax = longestBodyBytesMax, let longest = routes.map(\.bodyBytesMax).max() else { return routes }
        return routes.map { $0.bodyBytesMax == longest ? $0.bounded(bodyBytesMax: bytesMax) : $0 }
    }
}
