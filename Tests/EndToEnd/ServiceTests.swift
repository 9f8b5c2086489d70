import Foundation
import Glibc
import HubTesting
import Logging
import Reactor
import Testing

@testable import carillon

/// A hub as systemd runs it: sockets handed over, notices, a watchdog, SIGTERM.
@Suite("Service", .timeLimit(.minutes(5)))
struct ServiceTests {
    /// A NOTIFY_SOCKET.
    private final class Manager {
        let descriptor: Int32
        let address: String
        private(set) var heard: [String] = []

        init(isAbstract: Bool) throws {
            let name = "carillon-notify-\(UUID().uuidString.prefix(8))"
            address = isAbstract ? "@\(name)" : "/tmp/\(name)"
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            var bytes = Array(address.utf8)
            if isAbstract { bytes[0] = 0 }
            var named = sockaddr_un()
            named.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &named.sun_path) { $0.copyBytes(from: bytes) }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
            let result = withUnsafePointer(to: &named) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
            }
            try #require(result == 0, "bind: \(errno)")
        }

        deinit {
            close(descriptor)
            if address.hasPrefix("/") { unlink(address) }
        }

        /// Whether `count` messages with `line` have come within `seconds`.
        func hears(_ line: String, count: Int = 1, seconds: Double = 30) -> Bool {
            let deadline = Date() + seconds
            while heard.count(where: { $0.split(separator: "\n").contains { $0 == line } }) < count {
                guard Date() < deadline else { return false }
                var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                _ = poll(&poller, 1, 100)
                var buffer = [UInt8](repeating: 0, count: 4_096)
                let got = recv(descriptor, &buffer, buffer.count, 0)
                if got > 0 { heard.append(String(decoding: buffer[..<got], as: UTF8.self)) }
            }
            return true
        }
    }

    @Test("systemd hears when the hub listens, that it lives, and that it stops", arguments: [true, false])
    func notices(_ isAbstract: Bool) throws {
        let manager = try Manager(isAbstract: isAbstract)
        let program = try Program(
            ["serve", "--store", "memory", "--quick-start", "--listen", "127.0.0.1:0"],
            environment: ["NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "400000"])
        #expect(manager.hears("READY=1"), "\(program.errorText)")
        #expect(program.wait { $0.text.contains("Carillon listens on") })
        #expect(manager.heard.contains { $0.contains("STATUS=Listens on 127.0.0.1:") })
        #expect(manager.hears("WATCHDOG=1", count: 3))
        program.signal(SIGTERM)
        #expect(manager.hears("STOPPING=1"))
        #expect(program.exitStatus() == 0)
    }

    @Test("a watchdog is told nothing while something hangs, and again when it goes on")
    func hang() throws {
        let manager = try Manager(isAbstract: true)
        let isAlive = Guarded(true)
        let notice = ServiceNotice(address: manager.address, watchdogMicroseconds: 200_000)
        var log = Logger(label: "test")
        log.logLevel = .critical
        let watchdog = Watchdog(notice, log: log) { _ in isAlive.withLock { $0 } }
        #expect(watchdog != nil && manager.hears("WATCHDOG=1", count: 2))
        isAlive.withLock { $0 = false }
        // One may be on its way.
        _ = manager.hears("WATCHDOG=1", count: manager.heard.count + 1, seconds: 0.3)
        let before = manager.heard.count
        #expect(!manager.hears("WATCHDOG=1", count: before + 1, seconds: 1))
        isAlive.withLock { $0 = true }
        #expect(manager.hears("WATCHDOG=1", count: before + 1))
        withExtendedLifetime(watchdog) {}
    }

    @Test("a health check without a key tells a hub that is ready from one that is not there")
    func healthCheck() throws {
        let hub = try HubProcess()
        let ask = ["status", "--ready", "--url", hub.url]
        #expect(try Program(ask).exitStatus() == 0)
        #expect(hub.stop() == 0)
        #expect(try Program(ask).exitStatus() == 69)
    }

    @Test("a watchdog that is set for another process is not told")
    func foreignWatchdog() throws {
        let manager = try Manager(isAbstract: true)
        let program = try Program(
            ["serve", "--store", "memory", "--quick-start", "--listen", "127.0.0.1:0"],
            environment: ["NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"])
        #expect(manager.hears("READY=1"), "\(program.errorText)")
        #expect(!manager.hears("WATCHDOG=1", seconds: 1))
        program.signal(SIGTERM)
        #expect(program.exitStatus() == 0)
    }

    /// Starts a hub whose descriptor 3 is `descriptor`, as systemd does.
    private func serve(_ descriptor: Int32, names: String, _ options: String) throws -> (Process, Pipe) {
        let process = Process()
        let errors = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        // exec keeps the shell's number, and so LISTEN_PID is the hub's.
        process.arguments = [
            "-c",
            "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=\(names) exec '\(Program.path)' serve"
                + " --store memory --quick-start \(options)",
        ]
        process.standardInput = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        return (process, errors)
    }

    /// - Parameter isLoopback: else it listens to every network of the machine.
    private func listener(isLoopback: Bool = true) throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if isLoopback { try #require(HubProcess.withAddress(port: 0) { bind(descriptor, $0, $1) } == 0) }
        try #require(listen(descriptor, 128) == 0)
        return (descriptor, HubProcess.port(of: descriptor))
    }

    @Test("a hub serves on the socket that it is given, and who comes after it waits there for the next one")
    func activation() throws {
        let (descriptor, port) = try listener()
        defer { close(descriptor) }
        let health = "GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
        let (first, _) = try serve(descriptor, names: "hub", "")
        // It waits in the socket until the hub is there.
        #expect(try SocketPeer(port: port).exchange(health).status == 200)
        kill(first.processIdentifier, SIGTERM)
        first.waitUntilExit()
        #expect(first.terminationStatus == 0)
        let waiting = try SocketPeer(port: port)
        try waiting.write(Array(health.utf8))
        let (second, _) = try serve(descriptor, names: "hub", "")
        #expect(try waiting.read(until: "ok").contains("200"))
        kill(second.processIdentifier, SIGTERM)
        second.waitUntilExit()
        #expect(second.terminationStatus == 0)
    }

    @Test("a socket beyond this machine is taken with TLS only, or where --insecure is said")
    func publicSocket() throws {
        // A socket that is not bound listens everywhere, on a port that the kernel picks.
        let (descriptor, port) = try listener(isLoopback: false)
        defer { close(descriptor) }
        let (refused, errors) = try serve(descriptor, names: "hub", "")
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        refused.waitUntilExit()
        #expect(refused.terminationStatus == 64 && text.contains("--tls-cert") && text.contains("0.0.0.0:\(port)"))
        let (hub, _) = try serve(descriptor, names: "hub", "--insecure")
        #expect(try SocketPeer(port: port).exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
        kill(hub.processIdentifier, SIGTERM)
        hub.waitUntilExit()
        #expect(hub.terminationStatus == 0)
    }

    @Test("SIGHUP is a reload that begins and ends")
    func reload() throws {
        let manager = try Manager(isAbstract: true)
        let program = try Program(
            ["serve", "--store", "memory", "--quick-start", "--listen", "127.0.0.1:0"],
            environment: ["NOTIFY_SOCKET": manager.address])
        #expect(manager.hears("READY=1"), "\(program.errorText)")
        program.signal(SIGHUP)
        #expect(manager.hears("RELOADING=1") && manager.hears("READY=1", count: 2))
        let reloading = manager.heard.first { $0.contains("RELOADING=1") } ?? ""
        #expect(reloading.contains("MONOTONIC_USEC="))
        program.signal(SIGTERM)
        #expect(program.exitStatus() == 0)
    }

    @Test("a hub that cannot start has written what it logged before")
    func failedStart() throws {
        let (descriptor, port) = try listener()
        defer { close(descriptor) }
        let program = try Program(["serve", "--store", "memory", "--quick-start", "--listen", "127.0.0.1:\(port)"])
        #expect(program.exitStatus() == 69)
        #expect(program.errorText.contains("the store is open"), "\(program.errorText)")
    }

    @Test("a socket named metrics is the operators'")
    func metricsSocket() throws {
        let (descriptor, port) = try listener()
        defer { close(descriptor) }
        let (hub, _) = try serve(descriptor, names: "metrics", "--listen 127.0.0.1:0")
        let answer = try TestHub.request(port, "", "GET", "/metrics")
        #expect(answer.status == 200 && answer.body.contains("carillon_build_info"))
        kill(hub.processIdentifier, SIGTERM)
        hub.waitUntilExit()
        #expect(hub.terminationStatus == 0)
    }

    @Test("a socket beyond this machine is not served on without TLS, whatever --listen says")
    func activationBeyondThisMachine() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        // Not bound: the kernel gives it a port of every address.
        try #require(listen(descriptor, 128) == 0)
        let (hub, errors) = try serve(descriptor, names: "hub", "--listen 127.0.0.1:0")
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        hub.waitUntilExit()
        #expect(hub.terminationStatus == 64 && text.contains("handed over is on 0.0.0.0:"), "\(text)")
        let (open, _) = try serve(descriptor, names: "hub", "--listen 127.0.0.1:0 --insecure")
        let port = HubProcess.port(of: descriptor)
        #expect(try SocketPeer(port: port).exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
        kill(open.processIdentifier, SIGTERM)
        open.waitUntilExit()
        #expect(open.terminationStatus == 0)
    }

    @Test("what is no listening socket is refused with what to do")
    func noListener() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        let (hub, errors) = try serve(descriptor, names: "hub", "")
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        hub.waitUntilExit()
        #expect(hub.terminationStatus == 64 && text.contains("not a TCP socket that listens"))
    }
}
