import Compression
import Foundation
import HubTesting
import Testing
import WebSocket

@testable import Hub

/// Peers that send more than they may, or than they read.
@Suite("Floods", .serialized, .timeLimit(.minutes(5)))
struct FloodTests {
    /// Resident bytes of this process, hub and peers together.
    private static func residentBytes() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4_096
    }

    /// Writes what fits until nothing more does for two seconds; the hub reads no more then.
    private func flood(_ peer: SocketPeer, _ bytes: [UInt8], times: Int) -> Bool {
        let thread = Flooding(peer: peer, bytes: bytes, times: times)
        Thread { thread.run() }.start()
        let end = Date().addingTimeInterval(5)
        while !thread.isDone, Date() < end { Thread.sleep(forTimeInterval: 0.05) }
        return thread.isDone
    }

    @Test("100,000 requests in a row whose answers nobody reads are not read either, and cost no memory")
    func pipelining() throws {
        let hub = try TestHub.impatient {
            $0.limits.outboxBytesMax = 64 << 10
            $0.limits.idleSeconds = 8
        }
        let request = Array("GET /v1/status HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(hub.key)\r\n\r\n".utf8)
        let peer = try SocketPeer(port: hub.port, receiveBufferBytes: 4_096)
        let before = Self.residentBytes()
        let block = Array(repeatElement(request, count: 100).joined())
        let isDone = flood(peer, block, times: 1_000)
        #expect(!isDone, "the hub has taken all of it")
        // 100,000 answers of some 800 bytes are 80 MB. Other suites run in this process.
        #expect(Self.residentBytes() - before < 64 << 20)
        let well = try hub.device("well")
        try well.hello()
        #expect(try well.push([change("a", ["w": 1], 1)]).count == 1)
        well.peer.reset()
        peer.reset()
        try hub.expectWell()
    }

    @Test("pings whose answers nobody reads are not read either")
    func pings() throws {
        let hub = try TestHub.impatient {
            $0.limits.outboxBytesMax = 64 << 10
            $0.limits.idleSeconds = 8
        }
        let device = try hub.device("flood", receiveBufferBytes: 4_096)
        try device.hello(["live": false])
        var ping: [UInt8] = []
        FrameWriter.append(opcode: .ping, payload: [UInt8](repeating: 1, count: 125), maskKey: 9, into: &ping)
        let isDone = flood(device.peer, Array(repeatElement(ping, count: 1_000).joined()), times: 500)
        #expect(!isDone, "the hub has taken all of it")
        device.peer.reset()
        try hub.expectWell()
    }

    @Test("messages that swell are answered all and in order, and others of the loop have their turns between them")
    func swellingMessages() throws {
        let hub = try TestHub(shardCount: 1)
        let flood = try hub.device("flood", deflate: DeflateOffer())
        try flood.hello(["live": false])
        let well = try hub.device("well")
        try well.hello(["live": false])
        let count = 150
        let deflater = try Deflater(.deflate(windowBits: 15), level: 9)
        var bytes: [UInt8] = []
        for number in 0..<count {
            let ping = Array("{\"type\":\"ping\",\"id\":\"\(number)\"".utf8)
            // As dense as it may be: some 160 times.
            let space = (0..<1_200).map { _ in Array(" \t\r\n".utf8)[Int.random(in: 0..<4)] }
            let text = ping + space + [UInt8](repeating: 0x20, count: 60_000) + Array("}".utf8)
            var payload: [UInt8] = []
            text.withUnsafeBytes { deflater.deflate($0, .sync, into: &payload) }
            deflater.reset()
            FrameWriter.append(
                opcode: .text, reservedBits: .first, payload: Array(payload.dropLast(4)), maskKey: 7, into: &bytes)
        }
        // One receive buffer, and 9 MB of JSON.
        #expect(bytes.count < 256 << 10)
        try flood.peer.write(bytes)
        try well.send(["type": "ping", "id": "well"])
        #expect(try well.next("pong")["id"] as? String == "well")
        var answered = 0
        while let frame = try flood.nextFrame(seconds: 0.001) {
            #expect(frame["id"] as? String == "\(answered)")
            answered += 1
        }
        #expect(answered < count / 2, "all of it had one turn")
        while answered < count {
            #expect(try flood.next("pong")["id"] as? String == "\(answered)")
            answered += 1
        }
        try flood.send(["type": "ping", "id": "last"])
        #expect(try flood.next("pong")["id"] as? String == "last")
        #expect(hub.hub.core.input.total == 0)
    }

    @Test("heads of too many or too large fields are refused at their limit, however they come")
    func heads() throws {
        let hub = try TestHub.impatient()
        let many = "GET /health HTTP/1.1\r\nHost: h\r\n" + String(repeating: "a:\r\n", count: 101) + "\r\n"
        let large = "GET /health HTTP/1.1\r\nHost: h\r\nX-A: " + String(repeating: "a", count: 20_000) + "\r\n\r\n"
        let endless = "GET /health HTTP/1.1\r\nHost: h\r\n" + String(repeating: "X-A: bbbbbbbb\r\n", count: 50_000)
        for (text, name) in [(many, "many"), (large, "large"), (endless, "endless")] {
            let peer = try SocketPeer(port: hub.port)
            try? peer.write(text)
            // What the hub did not read may have become a reset, which takes its answer with it.
            let answer = (try? peer.read(until: "\r\n\r\n")) ?? "HTTP/1.1 431"
            #expect(answer.hasPrefix("HTTP/1.1 431"), "\(name): \(answer)")
        }
        #expect(hub.hub.metrics.refusals[.headTooLarge] == 3)
        try hub.expectWell()
    }

    @Test("a filter of more kinds than may be is refused, and as many as may be are served")
    func filters() throws {
        let hub = try TestHub.impatient()
        for count in [1, 100, 10_000] {
            let device = try hub.device("filter")
            let kinds = (0..<count).map { "kind-\($0)" }
            // Before the welcome a message has 64 KiB.
            try? device.send(["type": "hello", "protocol": 1, "device": "filter", "kinds": kinds])
            let frame = try device.nextFrame()
            let isClosed = frame == nil && device.isClosed
            #expect(isClosed || frame?["type"] is String, "\(count)")
            device.peer.reset()
        }
        let query = (0..<1_500).map { "k\($0)" }.joined(separator: ",")
        #expect([200, 413, 414, 422].contains(try hub.request("GET", "/v1/pull?kinds=\(query)").status))
        try hub.expectWell()
    }

    @Test("1,000 connections that say nothing are gone when their time is over, and meanwhile others are served")
    func idlers() throws {
        let hub = try TestHub.impatient()
        var peers: [SocketPeer] = []
        for _ in 0..<1_000 { peers.append(try SocketPeer(port: hub.port)) }
        let well = try hub.device("well")
        try well.hello()
        #expect(try well.push([change("a", ["w": 1], 1)]).count == 1)
        well.peer.reset()
        try hub.expectWell(seconds: 30)
        #expect(peers.count == 1_000)
    }
}

/// Writes until it is through or the hub ends it.
final class Flooding: @unchecked Sendable {
    // @unchecked: `done` is reached under `lock` only, `peer` is written to by one thread.
    private let peer: SocketPeer
    private let bytes: [UInt8]
    private let times: Int
    private let lock = NSLock()
    private var done = false

    init(peer: SocketPeer, bytes: [UInt8], times: Int) {
        self.peer = peer
        self.bytes = bytes
        self.times = times
    }

    var isDone: Bool { lock.withLock { done } }

    func run() {
        for _ in 0..<times {
            do { try peer.write(bytes) } catch { return }
        }
        lock.withLock { done = true }
    }
}
