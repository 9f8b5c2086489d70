internal import HTTPTypes
public import Hub
internal import Wire

/// The sync protocol of WatermelonDB: tables of rows, pulled and pushed as a whole.
///
/// A table is a kind, a row the body of a record in the namespace ``namespace`` of the user's own space, and a
/// timestamp a position of its log. The hub knows no schema: what an app deletes it names, children too.
public struct WatermelonDBDialect: Dialect {
    public let name = "watermelondb"

    public init() {}

    public var routes: [DialectRoute] {
        [
            DialectRoute(.get, "/sync") { try WatermelonDBDialect.pull($0, $1) },
            DialectRoute(.post, "/sync", bodyBytesMax: PushedRows.bodyBytesMax) {
                try WatermelonDBDialect.push($0, $1)
            },
            DialectRoute(socket: "/sync/live") { try WatermelonDBDialect.open($0, $1) },
        ]
    }

    public func answer(to error: DialectError) -> DialectAnswer { SyncProblem(error).answer }
}
