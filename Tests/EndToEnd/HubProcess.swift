import Foundation
import Glibc
import Testing

/// A hub as a process of its own, on a data folder of its own, that can be killed and started again.
final class HubProcess {
    let folder: URL
    let port: UInt16
    private(set) var program: Program
    private(set) var key = ""
    private let options: [String]

    var data: String { folder.appending(path: "data").path }

    var url: String { "\(isSecure ? "wss" : "ws")://127.0.0.1:\(port)" }

    /// It has a certificate of its own CA, which is trusted by ``trust``.
    var isSecure: Bool { options.contains("--tls-self-signed") }

    var authorityPath: String { data + "/tls/ca.pem" }

    var trust: [String] { isSecure ? ["--ca", authorityPath] : [] }

    /// - Parameters:
    ///   - data: a data folder to begin with, made by a command; it is moved.
    ///   - key: nil: the first key of a quick start.
    ///   - options: of `carillon serve`, beside its folder and port.
    init(data: String? = nil, key: String? = nil, options: [String] = ["--quick-start"]) throws {
        self.options = options
        folder = FileManager.default.temporaryDirectory.appending(path: "carillon-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        if let data { try FileManager.default.moveItem(atPath: data, toPath: folder.appending(path: "data").path) }
        port = try HubProcess.freePort()
        program = try HubProcess.launch(options, folder: folder, port: port)
        try #require(isUp(), "the hub did not start: \(program.errorText)")
        let file = folder.appending(path: "data/first-key")
        self.key = try key ?? String(contentsOf: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    deinit {
        program.signal(SIGKILL)
        try? FileManager.default.removeItem(at: folder)
    }

    /// Ends the hub as a power cut would, and starts it again.
    func killAndRestart() throws {
        program.signal(SIGKILL)
        _ = program.exitStatus()
        try start()
    }

    /// Starts the hub again after it has ended.
    func start() throws {
        program = try HubProcess.launch(options, folder: folder, port: port)
        try #require(isUp(), "the hub did not start again: \(program.errorText)")
    }

    func stop() -> Int32? {
        program.signal(SIGTERM)
        return program.exitStatus()
    }

    func run(_ arguments: [String]) throws -> Program {
        try Program(
            arguments + ["--url", url, "--key", key] + trust,
            environment: ["XDG_STATE_HOME": folder.appending(path: "state").path])
    }

    func tail(_ device: String, _ more: [String] = []) throws -> Program {
        try run(["tail", "--device", device, "--json"] + more)
    }

    private func isUp() -> Bool {
        program.wait { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            return HubProcess.withAddress(port: port) { connect(descriptor, $0, $1) } == 0
        }
    }

    private static func launch(_ options: [String], folder: URL, port: UInt16) throws -> Program {
        let data = folder.appending(path: "data").path
        return try Program(["serve", "--data", data, "--listen", "127.0.0.1:\(port)"] + options)
    }

    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        try #require(withAddress(port: 0) { bind(descriptor, $0, $1) } == 0)
        return port(of: descriptor)
    }

    static func port(of descriptor: Int32) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    static func withAddress<Result>(
        port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
