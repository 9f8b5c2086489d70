import Causality
import Foundation
import Hub
import HubTesting
import SQLiteStore
import Testing

/// What ends with a device, and what a device that is asked for in the same moment gets.
@Suite("Removed devices", .timeLimit(.minutes(5)))
struct RemovedDeviceTests {
    private func replica(_ hub: TestHub, _ name: String) throws -> String? {
        let body = try hub.request("GET", "/v1/devices").body
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] ?? [:]
        let devices = object["devices"] as? [[String: Any]] ?? []
        return devices.first { $0["id"] as? String == name }?["replica"] as? String
    }

    private func events(_ hub: TestHub, device: String?) throws -> StreamPeer {
        try StreamPeer(
            port: hub.port, "/v1/changes", key: hub.key,
            fields: "Accept: text/event-stream\r\n" + (device.map { "X-Carillon-Device: \($0)\r\n" } ?? ""))
    }

    private func poll(_ hub: TestHub, device: String) throws -> SocketPeer {
        let peer = try SocketPeer(port: hub.port)
        try peer.write(
            "GET /v1/changes?wait=60 HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n"
                + "X-Carillon-Device: \(device)\r\n\r\n")
        return peer
    }

    @Test("a removed device's event streams and polls end with unknown_device, and nobody else's")
    func streamsEnd() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        let gone = try events(hub, device: "phone")
        let stays = [try events(hub, device: "laptop"), try events(hub, device: nil)]
        _ = try gone.next("synced")
        for stream in stays { _ = try stream.next("synced") }
        let begun = store.pageCount
        let poll = try poll(hub, device: "phone")
        while store.pageCount == begun { Thread.sleep(forTimeInterval: 0.01) }
        #expect(try hub.request("DELETE", "/v1/devices/phone").status == 204)
        let error = try gone.next("error")
        #expect(error.json["code"] as? String == "unknown_device" && error.json["fatal"] as? Bool == true)
        #expect(try gone.nextEvent() == nil && gone.isEnded)
        let answer = try poll.exchange("")
        #expect(answer.status == 404 && answer.body.contains("unknown_device"))
        #expect(answer.head.contains("Connection: close"))
        let pusher = try hub.device("pusher")
        try pusher.hello(["live": false])
        try pusher.push([change("a", ["l": 1], 1)])
        for stream in stays { #expect(try stream.changes(count: 1).count == 1) }
    }

    @Test("a session or a stream that begins while its device is removed has the device that is registered then")
    func removedMeanwhile() throws {
        let store = WatchedStore()
        // One shard: the reads that are held and those of the removal are on queues of their own.
        let hub = try TestHub(store: store, shardCount: 1)
        let first = try hub.device("phone")
        try first.hello(["live": false])
        let session = try hub.device("phone")
        let stream = try SocketPeer(port: hub.port)
        store.holdHeads(true)
        try session.send(["type": "hello", "protocol": 1, "device": "phone"])
        try stream.write(
            "GET /v1/changes HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\nX-Carillon-Device: phone\r\n"
                + "Accept: text/event-stream\r\n\r\n")
        while store.heldHeadCount < 2 { Thread.sleep(forTimeInterval: 0.01) }
        #expect(try hub.request("DELETE", "/v1/devices/phone").status == 204)
        // Its mail has come to the shard when this has: nobody tells the two that wait.
        #expect(try first.next("error")["code"] as? String == "unknown_device")
        store.holdHeads(false)
        let welcome = try session.next("welcome")
        let registered = try #require(try replica(hub, "phone"))
        #expect(welcome["replica"] as? String == registered && registered != first.replica)
        #expect(try stream.read(until: "event: synced").contains("200 OK"))
        #expect(try hub.request("DELETE", "/v1/devices/phone").status == 204)
        #expect(try session.next("error")["code"] as? String == "unknown_device")
        #expect(try stream.read(until: "event: error").isEmpty == false)
    }

    @Test("a new device that comes over several connections at once is registered once")
    func registeredOnce() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        // One that is written to for longer than it is read.
        let hub = try TestHub(store: try SQLiteStore(path: folder.appending(path: "hub.db").path))
        for round in 0..<20 {
            let sessions = try (0..<8).map { _ in try hub.device("new\(round)") }
            for session in sessions {
                try session.send(["type": "hello", "protocol": 1, "device": session.name, "live": false])
            }
            let replicas = try sessions.map { try $0.next("welcome")["replica"] as? String }
            #expect(Set(replicas) == [try replica(hub, "new\(round)")])
        }
    }
}
