internal import Foundation
internal import Glibc

/// Copies of a server by Postgres' own programs.
extension PostgresServer {
    /// The folder of Postgres' programs, as `.ci/postgres` finds it.
    public static var programs: String {
        let environment = ProcessInfo.processInfo.environment
        if let named = environment["CARILLON_POSTGRES_BIN"], !named.isEmpty { return named }
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let newest = versions.max { $0.compare($1, options: .numeric) == .orderedAscending }
        let found = newest.map { "/usr/lib/postgresql/\($0)/bin" } ?? ""
        let folders = [found] + (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return folders.first { FileManager.default.isExecutableFile(atPath: "\($0)/pg_dump") } ?? found
    }

    /// Runs one of Postgres' programs to its end.
    ///
    /// - Throws: ``ServerFailure`` with what it said where it failed.
    public static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        let isOurs = !program.contains("/")
        process.executableURL = URL(filePath: isOurs ? "\(programs)/\(program)" : program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ServerFailure("\(program): \(String(decoding: said, as: UTF8.self))")
        }
    }

    /// A hot standby that streams from this server, with a folder and socket of its own. Its statements are in its log.
    public func standby() throws -> PostgresServer {
        let folder = PostgresServer.newFolder()
        let data = folder.appending(path: "data").path
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data().write(to: folder.appending(path: ".carillon-postgres"))
        do {
            // -R writes standby.signal, and how this server is reached.
            try PostgresServer.run("pg_basebackup", ["-d", conninfo, "-D", data, "-R", "-X", "stream", "-c", "fast"])
            let owner = self.folder.appending(path: "data").path
            try PostgresServer.run("/bin/chown", ["-R", "--reference", owner, data])
            return try PostgresServer(Options(settings: ["log_statement": "all"]), folder: folder)
        } catch {
            try? FileManager.default.removeItem(at: folder)
            throw error
        }
    }
}
