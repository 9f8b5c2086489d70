public import Hub

/// The sync protocol of ContextFS 0.2: memories, sessions and edges by vector clocks.
public struct ContextFSDialect: Dialect {
    public let name = "contextfs"

    public init() {}

    public var routes: [DialectRoute] { [] }

    public func answer(to error: DialectError) -> DialectAnswer {
        DialectAnswer(status: 500, json: [])
    }
}
