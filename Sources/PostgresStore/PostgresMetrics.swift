/// What a store on Postgres has done since it was opened.
public struct PostgresMetrics: Sendable, Equatable {
    public var commits = 0
    /// Transactions that were run again, by reason.
    public var serializationRetries = 0
    public var deadlockRetries = 0
    public var lockTimeoutRetries = 0
    public var connectionRetries = 0
    /// Connections made, the first ones included.
    public var connections = 0
    /// Commits whose answer was lost, and that Postgres was asked about afterwards.
    public var outcomesAsked = 0
    /// Calls that waited for a free connection.
    public var poolWaits = 0

    public init() {}
}
