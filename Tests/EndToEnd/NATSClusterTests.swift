import Foundation
import Glibc
import PostgresTesting
import Testing

/// Two hubs on one Postgres that tell each other over NATS.
@Suite("Hubs and NATS", .serialized, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.isInstalled))
struct NATSClusterTests {
    static let server = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    #if NATS
        private func metric(_ name: String, _ hub: HubProcess) throws -> Int {
            let metrics = try Program(
                ["-s", "-H", "Authorization: Bearer \(hub.key)", "http://127.0.0.1:\(hub.port)/metrics"],
                executable: "/usr/bin/curl")
            #expect(metrics.exitStatus() == 0)
            let line = metrics.lines.first { $0.hasPrefix("carillon_\(name) ") }
            return try #require(line.flatMap { Int($0.split(separator: " ")[1]) }, "\(metrics.text)")
        }

        private func eventually(seconds: Double = 20, _ condition: () throws -> Bool) throws -> Bool {
            let deadline = Date(timeIntervalSinceNow: seconds)
            while Date() < deadline {
                if try condition() { return true }
                Thread.sleep(forTimeInterval: 0.05)
            }
            return try condition()
        }

        @Test(
            "changes come with their contents, and the poll brings them while NATS is away",
            .enabled(if: NATSClusterTests.server != nil, "nats-server is not installed"))
        func payloads() throws {
            let rig = try AdminRig()
            let url = try PostgresServer.shared.freshSchema()
            let port = try HubProcess.freePort()
            func startNATS() throws -> Program {
                try Program(["-a", "127.0.0.1", "-p", String(port)], executable: NATSClusterTests.server ?? "")
            }
            var nats = try startNATS()
            #expect(nats.wait { $0.errorText.contains("Server is ready") })
            let options = ["--store", url, "--bus", "nats://127.0.0.1:\(port)"]
            let one = try HubProcess(options: ["--quick-start"] + options)
            let two = try HubProcess(key: one.key, options: options)
            let phone = try two.tail("phone")
            var expected: [String] = []
            func push() throws {
                let id = "n\(expected.count)"
                expected.append(id)
                try rig.write(#"{"kind":"note","id":"\#(id)","body":{}}"# + "\n", to: "push.ndjson")
                #expect(try one.run(["push", "--device", "laptop", rig.path("push.ndjson")]).exitStatus() == 0)
                #expect(phone.wait(seconds: 10) { $0.lines.count >= expected.count }, "\(id)")
            }
            try push()
            #expect(
                try eventually {
                    try push()
                    return try metric("foreign_payloads_total", two) > 0
                })
            let before = try (metric("foreign_payloads_total", two), metric("foreign_reads_total", two))
            for _ in 0..<10 { try push() }
            let after = try (metric("foreign_payloads_total", two), metric("foreign_reads_total", two))
            // A poll may come before a payload at times.
            #expect(after.0 - before.0 >= 8 && after.1 - before.1 <= 2, "\(before) \(after)")

            nats.signal(SIGKILL)
            _ = nats.exitStatus()
            for _ in 0..<3 { try push() }
            nats = try startNATS()
            let known = try metric("foreign_payloads_total", two)
            #expect(
                try eventually {
                    try push()
                    return try metric("foreign_payloads_total", two) > known
                })
            #expect(try EndToEndTests.items(phone.lines).map(\.id) == expected)
        }
    #else
        @Test("a build without NATS says how to have one with it")
        func untraited() throws {
            let rig = try AdminRig()
            let url = try PostgresServer.shared.freshSchema()
            let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", rig.path("d"), "--store", url]
            let program = try rig.done(arguments + ["--bus", "nats://ada:secret@127.0.0.1:1"], exit: 64)
            #expect(program.errorText.contains("--traits NATS") && !program.errorText.contains("secret"))
        }
    #endif
}
