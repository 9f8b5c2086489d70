import Foundation
import HubTesting
import Testing
import WebSocket

@testable import Hub

@Suite("Memory bounds", .serialized, .timeLimit(.minutes(5)))
struct MemoryBoundTests {
    @Test("when much waits in all outboxes a stalled subscriber is fed from the log sooner, and misses nothing")
    func crowdedOutboxes() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) {
            $0.limits.outboxesBytesMax = 2 << 20
            $0.limits.crowdedOutboxBytes = 16 << 10
        }
        let stalled = try (0..<8).map { try hub.device("s\($0)", receiveBufferBytes: 4_096) }
        for device in stalled { try device.catchUp() }
        let writer = try hub.device("w")
        try writer.hello(["live": false])
        let text = String(repeating: "x", count: 1_500)
        for push in 0..<80 {
            // Of small frames: each outbox has its own copy.
            for number in 0..<50 { try writer.push([change("\(push)-\(number)", ["w": 1], text)]) }
            #expect(hub.hub.core.outboxes.total <= 2 << 20)
        }
        let all = try stalled[0].changes(count: 4_000)
        #expect(all.count == 4_000 && stalled[0].gaps.isEmpty)
    }

    @Test("past the hub's bytes for outboxes the slowest end, and the others are served")
    func fullOutboxes() throws {
        let hub = try TestHub { $0.limits.outboxesBytesMax = 16 << 20 }
        let writer = try hub.device("w")
        try writer.hello(["live": false])
        let text = String(repeating: "x", count: 40_000)
        for push in 0..<20 { try writer.push((0..<10).map { change("\(push)-\($0)", ["w": 1], text) }) }
        var peers: [SocketPeer] = []
        for _ in 0..<6 {
            let peer = try SocketPeer(port: hub.port, receiveBufferBytes: 4_096)
            try peer.write("GET /v1/pull HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n\r\n")
            _ = try? peer.read(until: "\r\n\r\n", seconds: 5)
            peers.append(peer)
        }
        #expect(happens { hub.hub.metrics.refusals[.outboxesFull] ?? 0 >= 1 })
        #expect(happens { hub.hub.core.outboxes.total <= 16 << 20 })
        #expect(try writer.push([change("z", ["w": 1], 1)]).first?["verdict"] as? String == "accepted")
    }

    @Test("past the hub's bytes for what comes in a half-received message ends its session with a delay")
    func halfMessages() throws {
        let hub = try TestHub { $0.limits.inputBytesMax = 1 << 20 }
        var devices: [TestDevice] = []
        var refused: TestDevice?
        for number in 0..<12 where refused == nil {
            let device = try hub.device("d\(number)")
            try device.hello(["live": false])
            var bytes: [UInt8] = []
            FrameWriter.append(
                opcode: .text, payload: [UInt8](repeating: 0x20, count: 400_000), maskKey: 7, into: &bytes)
            try device.peer.write(Array(bytes.dropLast(1_000)))
            if let frame = try device.nextFrame(seconds: 0.5), frame["code"] as? String == "overloaded" {
                #expect(frame["retry_after_ms"] as? Int ?? 0 >= 500)
                refused = device
            }
            devices.append(device)
        }
        let last = try #require(refused)
        #expect(try last.nextFrame() == nil && last.closeCode == 4032)
        #expect(hub.hub.metrics.refusals[.inputFull] == 1)
        // Whoever is small is served meanwhile.
        let small = try hub.device("small")
        try small.hello(["live": false])
        #expect(try small.push([change("a", ["s": 1], 1)]).count == 1)
        let body = "{\"changes\":[" + String(repeating: " ", count: 900_000)
        let answer = try hub.request("POST", "/v1/push", body: body, fields: "X-Carillon-Device: r\r\n")
        #expect(answer.status == 503 && answer.head.contains("Retry-After"))
        devices = []
        refused = nil
        #expect(happens { hub.hub.core.input.total < 1 << 20 })
    }

    private func happens(_ condition: () -> Bool) -> Bool {
        for _ in 0..<250 {
            if condition() { return true }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return false
    }
}
