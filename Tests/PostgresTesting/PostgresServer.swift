public import Foundation
internal import Glibc

/// A Postgres of the tests' own: a folder, a Unix socket, default durability. It ends with the test process, however
/// that ends: the script that runs it reads a pipe whose other end we hold.
///
/// ``shared`` serves all tests of a process; each takes a schema of its own (``freshSchema()``). Tests that kill, stop
/// or fill a server start one for themselves.
public final class PostgresServer: Sendable {
    /// What a server of one's own is started with.
    public struct Options: Sendable {
        /// Settings beyond the defaults, as `max_connections`.
        public var settings: [String: String] = [:]
        /// With a certificate of its own making. A Unix socket never has TLS: see ``listensOnLoopback``.
        public var hasTLS = false
        /// Whether it listens on a free port of 127.0.0.1 too.
        public var listensOnLoopback = false
        /// Size in MiB of a disk under ``smallDiskPath``; needs root.
        public var smallDiskMiB: Int?

        public init(
            settings: [String: String] = [:], hasTLS: Bool = false, listensOnLoopback: Bool = false,
            smallDiskMiB: Int? = nil
        ) {
            self.settings = settings
            self.hasTLS = hasTLS
            self.listensOnLoopback = listensOnLoopback
            self.smallDiskMiB = smallDiskMiB
        }
    }

    /// Where the server keeps its things. Removed at the end.
    public let folder: URL
    /// The port on 127.0.0.1; 0 where it listens on its socket only.
    public let port: UInt16
    private let options: Options
    private let state = Locked(State())

    private struct State: Sendable {
        var run: ServerRun?
        var conninfo = ""
    }

    private static let sharedServer = Result {
        // Suites run side by side, and each store has a pool.
        try PostgresServer(Options(settings: ["max_connections": "400"]))
    }

    /// The one of the process, started at the first call.
    ///
    /// - Throws: ``ServerFailure`` where there is no Postgres or it does not start.
    public static var shared: PostgresServer { get throws { try sharedServer.get() } }

    /// Whether a server is installed.
    public static var isInstalled: Bool {
        (try? shared) != nil
    }

    /// Starts a server of one's own. It stops when it is let go.
    public convenience init(_ options: Options = Options()) throws {
        try self.init(options, folder: PostgresServer.newFolder())
    }

    static func newFolder() -> URL {
        URL(filePath: "/tmp/carillon-test-pg-" + String(UInt64.random(in: .min ... .max), radix: 36))
    }

    /// - Parameter folder: with data in it, or none yet.
    init(_ options: Options, folder: URL) throws {
        var options = options
        self.folder = folder
        port = options.listensOnLoopback ? try PostgresServer.freePort() : 0
        if port > 0 {
            options.settings["listen_addresses"] = "127.0.0.1"
            options.settings["port"] = String(port)
        }
        self.options = options
        try start()
    }

    deinit {
        end()
        try? FileManager.default.removeItem(at: folder)
    }

    /// The folder on the small disk.
    public var smallDiskPath: String { folder.appending(path: "small").path }

    /// A URL of the server's database over its socket, as libpq takes it. The same after a restart.
    public var conninfo: String { state.withLock { $0.conninfo } }

    /// A URL of the server's database over TCP, without `sslmode`.
    public var loopbackConninfo: String { "postgres://carillon@127.0.0.1:\(port)/carillon" }

    /// Starts the server again after ``stop()`` or ``kill()``. It recovers first where it was killed.
    public func start() throws {
        try? FileManager.default.removeItem(at: keepFile)
        let run = try ServerRun(folder: folder, options: options)
        state.withLock {
            $0.run = run
            // The port is part of the socket's name, too.
            $0.conninfo = run.address + (port > 0 ? "&port=\(port)" : "")
        }
    }

    /// Ends the server: clients are sent away, what they committed is kept. Nothing happens where it does not run.
    public func stop() {
        try? Data().write(to: keepFile)
        end()
    }

    /// The script removes the folder at the end of a run, ours or the server's, unless this is there.
    private var keepFile: URL { folder.appending(path: "keep") }

    private func end() {
        state.withLock { state in
            defer { state.run = nil }
            return state.run
        }?.end()
    }

    public func restart() throws {
        stop()
        try start()
    }

    /// Kills the postmaster and all its backends, as a crash of the machine would. What was committed is in its log.
    public func kill() {
        try? Data().write(to: keepFile)
        if let postmaster { PostgresServer.kill(postmaster) }
        stop()
    }

    /// Stops every process of the server where it stands, so that it answers nobody, until ``resume()``.
    public func freeze() {
        guard let postmaster else { return }
        for process in PostgresServer.children(of: postmaster) + [postmaster] { _ = Glibc.kill(process, SIGSTOP) }
    }

    public func resume() {
        guard let postmaster else { return }
        for process in PostgresServer.children(of: postmaster) + [postmaster] { _ = Glibc.kill(process, SIGCONT) }
    }

    /// The postmaster's process id; nil where none runs.
    public var postmaster: Int32? {
        guard let text = try? String(contentsOf: folder.appending(path: "data/postmaster.pid"), encoding: .utf8)
        else { return nil }
        return text.split(separator: "\n").first.flatMap { Int32($0) }
    }

    /// What the server wrote to its log since it was started.
    public var log: String {
        (try? String(decoding: Data(contentsOf: folder.appending(path: "log")), as: UTF8.self)) ?? ""
    }

    private static func kill(_ postmaster: Int32) {
        // The postmaster first: it would start another recovery for a killed backend.
        _ = Glibc.kill(postmaster, SIGSTOP)
        let children = children(of: postmaster)
        for process in [postmaster] + children { _ = Glibc.kill(process, SIGKILL) }
    }

    private static func children(of parent: Int32) -> [Int32] {
        let text = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
        return (text ?? "").split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw ServerFailure("no free port on 127.0.0.1") }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// What went wrong with a test's server.
public struct ServerFailure: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
