internal import CPostgres
internal import Foundation
internal import Glibc

extension PostgresServer {
    /// Runs a statement on a connection of its own, and returns the rows as text.
    ///
    /// - Parameter conninfo: nil: as the server's owner, in its database.
    @discardableResult
    public func execute(_ statement: String, conninfo: String? = nil) throws -> [[String?]] {
        let connection = PQconnectdb(conninfo ?? self.conninfo)
        defer { PQfinish(connection) }
        guard PQstatus(connection) == CONNECTION_OK else {
            throw ServerFailure(String(cString: PQerrorMessage(connection)))
        }
        let result = PQexec(connection, statement)
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK: break
        default: throw ServerFailure(String(cString: PQresultErrorMessage(result)))
        }
        return (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column in
                guard PQgetisnull(result, row, column) == 0, let text = PQgetvalue(result, row, column) else {
                    return nil
                }
                return String(cString: text)
            }
        }
    }

    /// A URL whose sessions work in a new schema, so that tests on one server do not meet. Some milliseconds.
    public func freshSchema() throws -> String {
        let name = "t" + String(UInt64.random(in: .min ... .max), radix: 36)
        try execute("CREATE SCHEMA \(name)")
        return PostgresServer.conninfo(conninfo, schema: name)
    }

    /// The URL with the schema as the only one that is looked in.
    public static func conninfo(_ conninfo: String, schema: String) -> String {
        conninfo + (conninfo.contains("?") ? "&" : "?") + "options=-csearch_path%3D" + schema
    }

    /// Ends all sessions that call themselves so, as an administrator would; returns how many.
    ///
    /// - Parameter condition: SQL over pg_stat_activity.
    @discardableResult
    public func terminateBackends(where condition: String = "application_name = 'carillon'") throws -> Int {
        try execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND \(condition)
            """
        ).count
    }

    /// Lets in whom `rules` of pg_hba.conf say, and the server's owner over its socket as before.
    public func admit(_ rules: [String]) throws {
        let lines = ["local all carillon trust"] + rules
        let list = lines.map { "('\($0)')" }.joined(separator: ", ")
        let loaded = try execute("SELECT pg_conf_load_time()")
        try execute("COPY (VALUES \(list)) TO '\(folder.path)/data/pg_hba.conf'")
        try execute("SELECT pg_reload_conf()")
        // A session has the rules and the time of its postmaster's last reading.
        for _ in 0..<500 {
            if try execute("SELECT pg_conf_load_time()") != loaded { return }
            usleep(10_000)
        }
        throw ServerFailure("the server does not read its rules again")
    }
}
