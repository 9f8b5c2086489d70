internal import CPostgres

/// The libpq that is linked.
enum PostgresLibrary {
    /// As 150004 for 15.4.
    static var version: Int { Int(PQlibVersion()) }
}
