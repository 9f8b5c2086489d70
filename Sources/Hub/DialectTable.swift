internal import Foundation
internal import HTTPTypes

/// The dialects that a hub speaks, each under its prefix.
struct DialectTable: Sendable {
    private let mounted: [(prefix: [String], dialect: any Dialect, routes: [DialectRoute])]

    init(_ dialects: [MountedDialect]) {
        mounted = dialects.map { (RoutePattern.segments(of: $0.prefix), $0.dialect, $0.dialect.routes) }
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

    public init(_ dialect: any Dialect, prefix: String = "") {
        self.dialect = dialect
        self.prefix = prefix
    }
}
