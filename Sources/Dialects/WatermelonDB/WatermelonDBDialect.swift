public import Hub

/// The sync protocol of WatermelonDB: tables of rows, pulled and pushed as a whole.
public struct WatermelonDBDialect: Dialect {
    public let name = "watermelondb"

    public init() {}

    public var routes: [DialectRoute] { [] }

    public func answer(to error: DialectError) -> DialectAnswer {
        DialectAnswer(status: 500, json: [])
    }
}
