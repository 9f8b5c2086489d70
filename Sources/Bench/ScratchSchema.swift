internal import CPostgres

/// A schema of its own in a Postgres, which goes with it.
final class ScratchSchema {
    /// Leads into the schema.
    let conninfo: String
    private let outer: String
    private let name: String

    /// - Parameter outer: a `postgres://` URL, `key=value` text, or empty for the PG* variables.
    init(_ outer: String) throws {
        name = "carillon_bench_" + String(UInt64.random(in: .min ... .max), radix: 36)
        self.outer = outer
        conninfo =
            if outer.contains("://") {
                outer + (outer.contains("?") ? "&" : "?") + "options=-csearch_path%3D" + name
            } else {
                outer + " options=-csearch_path=" + name
            }
        try PlainConnection(outer).run("CREATE SCHEMA \(name)")
    }

    // One that stays behind says by its name whose it was.
    deinit { try? PlainConnection(outer).run("DROP SCHEMA \(name) CASCADE") }
}

/// libpq as a small C program uses it.
final class PlainConnection {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let connection: OpaquePointer?

    init(_ conninfo: String) throws {
        connection = PQconnectdb(conninfo)
        guard PQstatus(connection) == CONNECTION_OK else { throw failure }
        // What goes with a schema is told as notices, which libpq would print.
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
    }

    deinit { PQfinish(connection) }

    func run(_ statement: String) throws { try check(PQexec(connection, statement)) }

    func check(_ result: OpaquePointer?) throws {
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        guard status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK else { throw failure }
    }

    private var failure: Failure { Failure(description: "Postgres: " + String(cString: PQerrorMessage(connection))) }
}
