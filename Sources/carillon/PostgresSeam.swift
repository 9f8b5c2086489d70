internal import PostgresStore
internal import Storage

/// Where this program meets the store on Postgres.
enum PostgresSeam {
    static func open(_ conninfo: String, log: @escaping @Sendable (String) -> Void) throws(StoreError) -> any Store {
        throw .unavailable("this build has no store on Postgres")
    }

    static func plan(_ conninfo: String) throws(StoreError) -> Storage.MigrationPlan {
        throw .unavailable("this build has no store on Postgres")
    }
}
