internal import Foundation
internal import Glibc

/// Stands between libpq and a server, and takes away what a test wants lost. It reads the messages of the protocol, so
/// that what is lost is a certain one, and not whatever was on its way at some moment.
public final class PostgresProxy: Sendable {
    /// What becomes of the next COMMIT on any connection. Once; the connections after it are whole.
    public enum Fault: Sendable {
        /// It does not reach the server, and both sides of its connection end.
        case commitLost
        /// It does not reach the server, whose side stays open: the transaction is in progress until ``release()``.
        case commitHeld
        /// It reaches the server, and the answer is lost with the connection.
        case answerLost
    }

    private struct State {
        var fault: Fault?
        var isSilent = false
        var isRefusing = false
        var held: [ProxiedConnection] = []
        var countOfFaults = 0
    }

    private let folder: URL
    private let serverPath: String
    private let listener: Int32
    private let state = Locked(State())

    /// - Parameter server: reached over its Unix socket, on port 5432.
    public init(_ server: PostgresServer) throws {
        folder = URL(filePath: "/tmp/carillon-proxy-\(String(UInt64.random(in: .min ... .max), radix: 36))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        guard let host = server.conninfo.firstMatch(of: #/host=(?<host>[^&]+)/#) else {
            throw ServerFailure("the server has no socket")
        }
        serverPath = "\(host.host)/.s.PGSQL.5432"
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let path = folder.appending(path: ".s.PGSQL.5432").path
        guard UnixSocket.call(bind, listener, path) == 0, listen(listener, 64) == 0 else {
            throw ServerFailure("the proxy does not listen: \(errno)")
        }
        let descriptor = listener
        let thread = Thread { [state, serverPath] in
            PostgresProxy.accept(on: descriptor, to: serverPath, state)
        }
        thread.start()
    }

    deinit {
        release()
        shutdown(listener, Int32(SHUT_RDWR))
        try? FileManager.default.removeItem(at: folder)
    }

    /// `conninfo`, which names the server, through this.
    public func conninfo(_ conninfo: String) -> String {
        conninfo.replacing(#/host=[^&]+/#, with: "host=\(folder.path)")
    }

    public func lose(_ fault: Fault) { state.withLock { $0.fault = fault } }

    /// Faults that were met so far.
    public var countOfFaults: Int { state.withLock { $0.countOfFaults } }

    /// While true nothing is passed on, and nothing ends: as a peer that is gone without a word.
    public func setSilent(_ isSilent: Bool) { state.withLock { $0.isSilent = isSilent } }

    /// While true new connections end at once.
    public func setRefusing(_ isRefusing: Bool) { state.withLock { $0.isRefusing = isRefusing } }

    /// Ends what ``Fault/commitHeld`` holds.
    public func release() {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        for connection in held { connection.end() }
    }

    private static func accept(on listener: Int32, to serverPath: String, _ state: Locked<State>) {
        defer { close(listener) }
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { return }
            let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            guard !state.withLock({ $0.isRefusing }), UnixSocket.call(connect, server, serverPath) == 0 else {
                close(client)
                close(server)
                continue
            }
            let connection = ProxiedConnection(client: client, server: server)
            let requests = Thread {
                connection.pass(from: client, to: server, isFromClient: true) { judge($0, state, connection) }
            }
            let answers = Thread {
                connection.pass(from: server, to: client, isFromClient: false) { judge($0, state, connection) }
            }
            requests.start()
            answers.start()
        }
    }

    /// Whether a message is passed on.
    private static func judge(
        _ message: ProxiedConnection.Message, _ state: Locked<State>, _ connection: ProxiedConnection
    ) -> Bool {
        while state.withLock({ $0.isSilent }) { usleep(10_000) }
        let fault: Fault? = state.withLock { state in
            switch (state.fault, message) {
            case (.commitLost, .commit), (.commitHeld, .commit), (.answerLost, .committed): break
            default: return nil
            }
            defer { state.fault = nil }
            state.countOfFaults += 1
            if case .commitHeld = state.fault { state.held.append(connection) }
            return state.fault
        }
        switch fault {
        case nil: return true
        case .commitHeld: connection.endClient()
        case .commitLost, .answerLost: connection.end()
        }
        return false
    }
}

/// Two sockets, closed when nobody passes anything between them any more.
final class ProxiedConnection: Sendable {
    enum Message {
        case commit
        case committed
        case other
    }

    private let client: Int32
    private let server: Int32

    init(client: Int32, server: Int32) { (self.client, self.server) = (client, server) }

    deinit {
        close(client)
        close(server)
    }

    func end() { for side in [client, server] { shutdown(side, Int32(SHUT_RDWR)) } }

    func endClient() { shutdown(client, Int32(SHUT_RDWR)) }

    /// Passes message after message on, until one is not to be.
    func pass(from source: Int32, to target: Int32, isFromClient: Bool, _ judge: (Message) -> Bool) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        // The first message of a client has no type before its length.
        var headBytes = isFromClient ? 0 : 1
        var commits: Set<[UInt8]> = []
        while true {
            let count = read(source, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk[..<count]
            while bytes.count >= headBytes + 4 {
                let length = bytes[headBytes..<(headBytes + 4)].reduce(0) { $0 << 8 | Int($1) }
                guard bytes.count >= headBytes + length else { break }
                let message = Array(bytes[..<(headBytes + length)])
                guard judge(headBytes == 0 ? .other : ProxiedConnection.kind(of: message, isFromClient, &commits))
                else { return }
                guard UnixSocket.writeAll(message, to: target) else { return end() }
                bytes.removeFirst(message.count)
                headBytes = 1
            }
        }
        // Whoever holds the server's side open goes on doing so.
        if !isFromClient { end() } else { shutdown(target, Int32(SHUT_WR)) }
    }

    private static func kind(of message: [UInt8], _ isFromClient: Bool, _ commits: inout Set<[UInt8]>) -> Message {
        let fields = message[5...].split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map { Array($0) }
        switch (isFromClient, message[0]) {
        case (true, UInt8(ascii: "P")) where fields.count > 1 && fields[1] == Array("COMMIT".utf8):
            commits.insert(fields[0])
        case (true, UInt8(ascii: "B")) where fields.count > 1 && commits.contains(fields[1]): return .commit
        case (false, UInt8(ascii: "C")) where fields.first == Array("COMMIT".utf8): return .committed
        default: break
        }
        return .other
    }
}

enum UnixSocket {
    static func call(
        _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ descriptor: Int32, _ path: String
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = send(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count,
                    Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }
}
