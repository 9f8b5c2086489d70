internal import PostgresStore
internal import Storage

/// Where this program meets the store on Postgres.
enum PostgresSeam {
    /// - Parameter conninfo: a URL, or empty for the PG* variables.
    static func open(_ conninfo: String, log: @escaping @Sendable (String) -> Void) throws(StoreError) -> any Store {
        try PostgresStore(conninfo: conninfo, log: log)
    }

    static func plan(_ conninfo: String) throws(StoreError) -> MigrationPlan {
        try PostgresStore.plan(conninfo: conninfo)
    }
}
