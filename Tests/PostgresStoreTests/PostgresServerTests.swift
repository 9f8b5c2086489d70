import Foundation
import PostgresTesting
import Testing

@Suite("A Postgres of the tests' own")
struct PostgresServerTests {
    @Test("is durable, on a socket only, and each schema is its own")
    func shared() throws {
        let server = try PostgresServer.shared
        let settings = try server.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('listen_addresses')"
        )
        #expect(settings == [["on", "on", ""]])
        let one = try server.freshSchema()
        let other = try server.freshSchema()
        try server.execute("CREATE TABLE t (n int)", conninfo: one)
        #expect(throws: ServerFailure.self) { try server.execute("SELECT * FROM t", conninfo: other) }
    }

    @Test("keeps what was committed when it is killed, and is reached as before")
    func killed() throws {
        let server = try PostgresServer()
        let conninfo = server.conninfo
        try server.execute("CREATE TABLE t (n int)")
        try server.execute("INSERT INTO t VALUES (7)")
        server.kill()
        #expect(throws: ServerFailure.self) { try server.execute("SELECT 1") }
        try server.start()
        #expect(server.conninfo == conninfo)
        #expect(try server.execute("SELECT n FROM t") == [["7"]])
        server.stop()
        #expect(server.postmaster == nil)
    }

    @Test("is gone with its folder when it is let go")
    func letGo() throws {
        var server: PostgresServer? = try PostgresServer()
        let folder = try #require(server?.folder)
        server = nil
        #expect(!FileManager.default.fileExists(atPath: folder.path))
    }
}
