import PostgresTesting

/// The shared server, as tests of the module's insides use it: both modules name their failures alike.
enum TestPostgres {
    static var isInstalled: Bool { PostgresServer.isInstalled }

    static func conninfo() throws -> String { try PostgresServer.shared.conninfo }

    static func freshSchema() throws -> String { try PostgresServer.shared.freshSchema() }

    @discardableResult
    static func execute(_ statement: String, in conninfo: String) throws -> [[String?]] {
        try PostgresServer.shared.execute(statement, conninfo: conninfo)
    }

    /// Ends the sessions that call themselves so.
    static func terminate(application: String) throws {
        try PostgresServer.shared.terminateBackends(where: "application_name = '\(application)'")
    }
}
