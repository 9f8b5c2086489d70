import Compression
import Foundation
import HubTesting
import Logging
import Testing

@testable import Hub

/// Whoever is refused is counted under one reason, once, and the log names the connection.
@Suite("Refusals", .timeLimit(.minutes(5)))
struct RefusalTests {
    private let lines = LogLines(logLevel: .notice)

    private func hub(_ configure: (inout HubConfiguration) -> Void = { _ in }) throws -> TestHub {
        try TestHub(log: lines) {
            $0.limits.noticesPerSecondMax = 1_000
            configure(&$0)
        }
    }

    /// Each reason has that many in the metrics, all others none; each has a line with the connection and its peer.
    private func expect(_ expected: [RefusalReason: Int], _ hub: TestHub) throws {
        let page = try PrometheusText(try hub.request("GET", "/metrics").body)
        let told = lines.named("refused")
        for reason in RefusalReason.allCases {
            let count = try page.value("carillon_rejected_total", ["reason": reason.rawValue])
            #expect(Int(count) == expected[reason] ?? 0, "\(reason)")
            let own = told.filter { $0.metadata["reason"] == reason.rawValue }
            #expect(own.count == expected[reason] ?? 0, "\(reason): \(own)")
        }
        for line in told {
            #expect(line.metadata["conn"] != nil && line.metadata["peer"]?.hasPrefix("127.0.0.1:") == true, "\(line)")
        }
    }

    private func send(_ hub: TestHub, _ bytes: [UInt8]) throws {
        let peer = try SocketPeer(port: hub.port)
        try? peer.write(bytes)
        while let more = peer.read(), !more.isEmpty {}
    }

    @Test("a request that is refused counts under its reason, once")
    func requests() throws {
        let hub = try hub {
            $0.limits.countsLoopback = true
            $0.limits.loginTriesFree = 1
        }
        #expect(try hub.request("GET", "/v1/status", fields: "Origin: https://evil.example\r\n").status == 403)
        #expect(try hub.request("GET", "/v1/status?token=x").status == 400)
        let wrong = String(hub.key.dropLast(2)) + (hub.key.hasSuffix("aa") ? "bb" : "aa")
        let statuses = try (0..<3).map { _ in try hub.request("GET", "/v1/status", key: wrong).status }
        #expect(statuses == [401, 401, 429])
        try send(hub, Array("no request\r\n\r\n".utf8))
        let long = String(repeating: "a", count: HubLimits().headBytesMax)
        try send(hub, Array("GET / HTTP/1.1\r\nHost: h\r\nX: \(long)\r\n\r\n".utf8))
        let head = "POST /v1/push HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n"
        let bytesMax = HubLimits().requestBodyBytesMax
        try send(hub, Array("\(head)Content-Length: \(bytesMax + 1)\r\n\r\n".utf8))
        let bomb = Gzip.member(
            of: [UInt8](repeating: 32, count: bytesMax + 1), by: try Deflater(.deflate(windowBits: 15), level: 9))
        try send(hub, Array("\(head)Content-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n".utf8) + bomb)
        try expect(
            [
                .origin: 1, .keyInURL: 1, .unauthorized: 2, .loginRate: 1, .badRequest: 1, .headTooLarge: 1,
                .bodyTooLarge: 1, .inflatedTooLarge: 1,
            ], hub)
    }

    @Test("a socket that is refused or cut off counts under its reason, once")
    func sockets() throws {
        let hub = try hub {
            $0.limits.helloSeconds = 1
            $0.limits.sweepSeconds = 1
        }
        // A frame that is not masked.
        let bare = try SocketPeer(port: hub.port)
        try bare.write(Opening.upgrade + "\r\n")
        _ = try bare.read(until: "\r\n\r\n")
        try bare.write([0x81, 0x01, 0x61])
        while let more = bare.read(), !more.isEmpty {}
        let stranger = try hub.device("stranger", key: "car_nobody")
        try stranger.send(["type": "hello", "protocol": 1, "device": "stranger"])
        while try stranger.nextFrame() != nil {}
        let silent = try hub.device("silent")
        while try silent.nextFrame() != nil {}
        try expect([.badFrame: 1, .unauthorized: 1, .helloTimeout: 1], hub)
    }
}
