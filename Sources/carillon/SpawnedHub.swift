internal import ArgumentParser
internal import Foundation
internal import Reactor

/// A hub of this program as a process of its own, on a free port and in a folder that goes with it.
final class SpawnedHub {
    let address: SocketAddress
    let keys: [String]
    let pid: Int32
    private let process: Process
    private let folder: String
    /// Held open: the hub writes to it.
    private let output: Pipe
    /// Held open: its end, with this process, is the hub's end.
    private let input: Pipe

    /// - Parameter store: as `--store` names it.
    /// - Parameter isSecure: speaks TLS, with a certificate of its own CA.
    init(users: Int, store: String, shards: Int?, isSecure: Bool = false) throws {
        folder = FileManager.default.temporaryDirectory.path + "/carillon-load-\(UUID().uuidString)"
        let isMemory = store == "memory"
        let options = try StoreOptions.parse(["--data", folder, "--store", isMemory ? "sqlite" : store])
        keys = try LoadTarget.makeUsers(users, options)
        process = Process()
        output = Pipe()
        input = Pipe()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        var arguments = ["serve", "--listen", "127.0.0.1:0", "--log-level", "warning", "--stop-at-eof"]
        arguments += ["--data", folder]
        // In the environment: a URL may hold a password, and arguments show in the list of processes.
        process.environment = ProcessInfo.processInfo.environment.merging(["CARILLON_STORE": store]) { $1 }
        if isSecure { arguments.append("--tls-self-signed") }
        if isMemory { arguments += ["--accounts", folder] }
        if let shards { arguments += ["--shards", String(shards)] }
        process.arguments = arguments
        process.standardOutput = output
        process.standardInput = input
        do {
            try process.run()
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw CommandFailure(.hubUnavailable, "Cannot start a hub: \(error).")
        }
        pid = process.processIdentifier
        guard let address = SpawnedHub.readAddress(output.fileHandleForReading) else {
            process.terminate()
            try? FileManager.default.removeItem(atPath: folder)
            throw CommandFailure(.hubUnavailable, "The hub did not start.", remedy: "Its errors stand above.")
        }
        self.address = address
    }

    /// The hub says where it listens when it does: `Carillon listens on http://ADDRESS:PORT`, or `https://`.
    private static func readAddress(_ handle: FileHandle) -> SocketAddress? {
        var text = ""
        while !text.contains("\n") {
            let data = handle.availableData
            guard !data.isEmpty else { return nil }
            text += String(decoding: data, as: UTF8.self)
        }
        guard let mark = text.range(of: "://") else { return nil }
        let authority = text[mark.upperBound...].prefix { !$0.isWhitespace }
        guard let colon = authority.lastIndex(of: ":"), let port = UInt16(authority[authority.index(after: colon)...])
        else { return nil }
        return try? SocketAddress.parse(String(authority[..<colon]), port: port)
    }

    /// Where it keeps the certificate of its CA.
    var authorityPath: String { folder + "/tls/ca.pem" }

    /// Ends the hub and removes its folder.
    func stop() {
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: folder)
    }
}
