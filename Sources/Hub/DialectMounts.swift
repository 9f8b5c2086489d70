internal import HTTPTypes

/// Why dialects cannot be spoken together.
public struct DialectMountError: Error, Sendable, Equatable {
    /// Which paths meet, and what to do.
    public let sentence: String
}

extension MountedDialect {
    /// Looks whether every path is one dialect's, or the hub's.
    ///
    /// - Throws: ``DialectMountError`` that names the first two that meet.
    public static func check(_ mounted: [MountedDialect]) throws(DialectMountError) {
        var taken: [(owner: String, pattern: RoutePattern)] = RESTRoutes.table.map { ("the hub", $0.pattern) }
        for path in [HubShard.socketPath, HubShard.echoPath] { taken.append(("the hub", RoutePattern(path))) }
        for mount in mounted {
            // `/health` says the same whoever answers it.
            let own = mount.dialect.routes.map { $0.pattern.behind(mount.prefix) }.filter { $0.path != "/health" }
            for pattern in own {
                guard let other = taken.first(where: { $0.pattern.meets(pattern) }) else { continue }
                throw DialectMountError(
                    sentence: "\(mount.dialect.name) answers \(pattern.path), and \(other.owner) "
                        + "\(other.pattern.path): put one of them behind a prefix")
            }
            taken += own.map { (mount.dialect.name, $0) }
        }
    }

    /// The prefix as paths have it: empty, or `/` and its segments.
    public var path: String { prefix.isEmpty ? "" : RoutePattern(prefix).path }
}

extension RoutePattern {
    /// Whether some path is matched by both.
    func meets(_ other: RoutePattern) -> Bool {
        segments.count == other.segments.count
            && zip(segments, other.segments).allSatisfy { $0 == nil || $1 == nil || $0 == $1 }
    }

    func behind(_ prefix: String) -> RoutePattern {
        RoutePattern(segments: RoutePattern.segments(of: prefix) + segments)
    }

    /// For people.
    var path: String { "/" + segments.map { $0 ?? "{…}" }.joined(separator: "/") }
}
