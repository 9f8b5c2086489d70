internal import CPostgres

/// The store that a team runs in production: one Postgres, any number of hubs.
enum PostgresLibrary {
    /// Of the libpq that is linked, as 150004 for 15.4.
    static var version: Int { Int(PQlibVersion()) }
}
