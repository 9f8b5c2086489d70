public import Hub

/// The sync protocol of claude-memory: rows with integer ids.
public struct ClaudeMemoryDialect: Dialect {
    public let name = "claude-memory"

    public init() {}

    public var routes: [DialectRoute] { [] }

    public func answer(to error: DialectError) -> DialectAnswer {
        DialectAnswer(status: 500, json: [])
    }
}
