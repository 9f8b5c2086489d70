import Foundation
import HubTesting
import Testing

@testable import Hub

/// Devices that all come back at once.
@Suite("Herds", .serialized, .timeLimit(.minutes(5)))
struct HerdTests {
    private static let deviceCount = 500

    /// Has every device come with its cursor and catch up, `width` at a time; returns the reads of the store.
    private func come(_ hub: TestHub, _ store: WatchedStore, _ cursor: String, width: Int) throws -> Int {
        let before = store.readCount
        var devices: [TestDevice] = []
        for first in stride(from: 0, to: HerdTests.deviceCount, by: width) {
            let group = try (first..<min(first + width, HerdTests.deviceCount)).map { try hub.device("d\($0)") }
            for device in group {
                try device.send([
                    "type": "hello", "protocol": 1, "device": device.name, "key": hub.key, "cursor": cursor,
                ])
            }
            for device in group { _ = try device.next("synced", seconds: 30) }
            devices += group
        }
        return store.readCount - before
    }

    @Test("a herd costs the store at most twice the reads of the same devices that come one after the other")
    func reads() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) {
            $0.limits.homeDevicesMax = 8
            // Its own looks would be counted.
            $0.limits.revocationSeconds = 3_600
            $0.limits.acknowledgeSeconds = 3_600
        }
        let writer = try hub.device("w")
        try writer.hello(["live": false])
        try writer.push([change("a", ["w": 1], 1)])
        let reader = try hub.device("r")
        try reader.catchUp()
        let cursor = try #require(reader.cursor)
        _ = try come(hub, store, cursor, width: HerdTests.deviceCount)
        let calm = try come(hub, store, cursor, width: 1)
        let herd = try come(hub, store, cursor, width: HerdTests.deviceCount)
        #expect(calm >= HerdTests.deviceCount)
        #expect(herd <= 2 * calm, "\(herd) reads at once, \(calm) one after the other")
        // A constant few for each: who holds the key, the device, the head, the page behind the cursor.
        #expect(herd <= 5 * HerdTests.deviceCount, "\(herd)")
    }

    @Test("those of a herd who are turned away are told delays of their own, within the hub's range")
    func delays() throws {
        let hub = try TestHub {
            $0.limits.countsLoopback = true
            $0.limits.newConnectionsPerSecondMax = 10
            $0.limits.newConnectionsPerSecondOfAddressMax = 0
        }
        let peers = try (0..<80).map { _ in try SocketPeer(port: hub.port) }
        var delays: [Int] = []
        for peer in peers {
            // Who was taken in hears nothing, and asks.
            try? peer.write("GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            guard let text = try? peer.read(until: "}"), text.hasPrefix("HTTP/1.1 503") else { continue }
            let delay = try #require(text.firstMatch(of: /"retry_after_ms":(\d+)/)?.output.1)
            delays.append(try #require(Int(delay)))
        }
        #expect(delays.count >= 40 && delays.allSatisfy { (500...5_000).contains($0) })
        #expect(Set(delays).count > delays.count / 2)
    }
}
