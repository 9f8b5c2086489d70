#if NATS
    import Foundation

    /// A private nats-server on a free port; it ends with this process, whose end of a pipe it watches.
    final class NATSServer {
        let port: Int
        private var process: Process?
        private var lifeline: Pipe?

        static let path = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"].first {
            FileManager.default.isExecutableFile(atPath: $0)
        }

        var url: String { "nats://127.0.0.1:\(port)" }

        init() throws {
            port = try NATSServer.freePort()
            try start()
        }

        deinit { kill() }

        func start() throws {
            let process = Process()
            let lifeline = Pipe()
            process.executableURL = URL(filePath: "/bin/sh")
            process.arguments = [
                "-c", "\"$0\" \"$@\" >/dev/null 2>&1 </dev/null & read line; kill -9 $!", NATSServer.path ?? "", "-a",
                "127.0.0.1", "-p", String(port),
            ]
            process.standardInput = lifeline
            try process.run()
            (self.process, self.lifeline) = (process, lifeline)
        }

        /// As kill -9 does.
        func kill() {
            try? lifeline?.fileHandleForWriting.close()
            process?.waitUntilExit()
            (process, lifeline) = (nil, nil)
        }

        private static func freePort() throws -> Int {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let code = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
                }
            }
            guard code == 0 else { throw POSIXError(.EADDRINUSE) }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }
#endif
