import Causality
import Foundation
import Hub
import SQLiteStore
import Testing

/// What ends with a device, and what a device that is asked for in the same moment gets.
@Suite("Removed devices", .timeLimit(.minutes(2)))
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
