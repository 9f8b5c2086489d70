import Foundation
import Hub
import HubTesting
import Testing
import WebSocket

/// Compressed sockets of a hub: one compression for a room, and the same JSON for everybody.
@Suite("Compressed sockets")
struct CompressedSocketTests {
    private static let words = String(repeating: "to be told to everybody, ", count: 20)

    @Test("devices that compress and devices that do not are told the same")
    func mixedRooms() throws {
        let hub = try TestHub()
        let writer = try hub.device("writer")
        try writer.catchUp()
        var devices = [try hub.device("plain")]
        for bits in [nil, 9, 12, 15, nil] as [Int?] {
            var offer = DeflateOffer()
            offer.serverMaxWindowBits = bits
            devices.append(try hub.device("deflated-\(devices.count)", deflate: offer))
        }
        for device in devices { try device.catchUp() }
        try writer.push([change("a", ["writer": 1], ["text": Self.words])])
        var told: [String] = []
        for device in devices {
            let frame = try device.next("changes")
            told.append(
                String(decoding: try JSONSerialization.data(withJSONObject: frame, options: .sortedKeys), as: UTF8.self)
            )
            #expect(device.gaps.isEmpty)
        }
        #expect(Set(told).count == 1)
        #expect(!devices[0].isCompressed)
        #expect(devices[0].compressedCount == 0)
        for device in devices[1...] {
            #expect(device.isCompressed)
            #expect(device.compressedCount > 0)
        }
        // The catch-up of one device, and a filter, are compressed for it alone.
        let late = try hub.device("late", deflate: DeflateOffer())
        let caught = try late.catchUp(["kinds": ["note"]])
        #expect(caught.count == 1)
        #expect(late.compressedCount > 0)
        try writer.push([change("b", ["writer": 1], ["text": Self.words])])
        #expect(try late.changes(count: 1).first?["id"] as? String == "b")
    }

    @Test("a broadcast is compressed once for each window, however many hear it and on however many shards")
    func onceForAll() throws {
        let hub = try TestHub(shardCount: 2) { $0.limits.homeDevicesMax = 0 }
        let writer = try hub.device("writer")
        try writer.catchUp()
        var devices: [TestDevice] = []
        for number in 0..<12 {
            var offer = DeflateOffer()
            offer.serverMaxWindowBits = number % 2 == 0 ? nil : 10
            let device = try hub.device("device-\(number)", deflate: offer)
            try device.catchUp()
            devices.append(device)
        }
        let before = hub.hub.metrics.compressedBroadcasts
        for number in 0..<5 {
            try writer.push([change("r\(number)", ["writer": 1], ["text": Self.words])], id: "p\(number)")
            for device in devices { _ = try device.next("changes") }
        }
        #expect(hub.hub.metrics.compressedBroadcasts - before == 10)
    }

    @Test("nothing is compressed where nobody asks, and nobody is answered where the hub does not")
    func unwanted() throws {
        let hub = try TestHub()
        let (writer, plain) = (try hub.device("writer"), try hub.device("plain"))
        try writer.catchUp()
        try plain.catchUp()
        try writer.push([change("a", ["writer": 1], ["text": Self.words])])
        _ = try plain.next("changes")
        #expect(hub.hub.metrics.compressedBroadcasts == 0)

        let unwilling = try TestHub { $0.compression.isOffered = false }
        let device = try unwilling.device("device", deflate: DeflateOffer())
        try device.catchUp()
        #expect(!device.isCompressed)
    }

    @Test("a device pushes compressed, and a bomb ends its session with 1009 before it is any size")
    func pushes() throws {
        let hub = try TestHub()
        let device = try hub.device("device", deflate: DeflateOffer())
        try device.catchUp()
        let verdicts = try device.push([change("a", ["device": 1], ["text": Self.words])])
        #expect(verdicts.first?["verdict"] as? String == "accepted")
        // Some 48 KiB that would be 48 MiB.
        try device.send(text: String(repeating: " ", count: 48 << 20))
        while try device.nextFrame() != nil {}
        #expect(device.closeCode == 1009)
    }

    @Test("before its hello is good a device may inflate to no more than a stranger may say")
    func strangers() throws {
        let hub = try TestHub()
        let device = try hub.device("device", deflate: DeflateOffer())
        try device.send(text: String(repeating: " ", count: 70_000))
        while try device.nextFrame() != nil {}
        #expect(device.closeCode == 1009)
    }
}
