import Causality
import Foundation
import HubTesting
import Testing
import WebSocket

@Suite("WatermelonDB live", .timeLimit(.minutes(5)))
struct WatermelonDBLiveTests {
    @Test("an app is told of others' commits with their tables, and not of its own", arguments: HubStore.allCases)
    func changed(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let seen = try hub.pull(nil).timestamp
        let phone = try LivePeer(hub, fields: "X-Device-Id: phone\r\n")
        let tablet = try LivePeer(hub, query: "?device_id=tablet")
        let nameless = try LivePeer(hub, query: "?api_key=\(hub.key)", fields: "", sendsKey: false)
        for peer in [phone, tablet, nameless] { #expect(try peer.next()["type"] as? String == "ready") }
        let two = #"{"b":{"created":[{"id":"x"}]},"a":{"created":[{"id":"y"},{"id":"z"}]}}"#
        #expect(try hub.push(two, since: seen).status == 200)
        let now = try hub.pull(nil).timestamp
        for peer in [tablet, nameless] {
            let told = try peer.next()
            #expect(told["type"] as? String == "changed")
            #expect(told["timestamp"] as? Int64 == now)
            #expect(told["tables"] as? [String] == ["a", "b"])
        }
        // The phone hears next what the tablet did: of its own push nothing came.
        #expect(try hub.push(#"{"c":{"created":[{"id":"x"}]}}"#, since: now, device: "tablet").status == 200)
        #expect(try phone.next()["tables"] as? [String] == ["c"])
    }

    @Test("native pushes are told, those of other namespaces and of other users are not", arguments: HubStore.allCases)
    func native(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let other = try hub.newKey(user: "bob")
        let phone = try LivePeer(hub, fields: "X-Device-Id: phone\r\n")
        _ = try phone.next()
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        try hub.push(#"{"hidden":{"created":[{"id":"x"}]}}"#, since: nil, device: "tablet", key: other)
        try laptop.push([change("n", ["l": 1], 1, kind: "elsewhere")])
        try laptop.push([change("n", ["l": 1], ["n": 1], kind: "tasks").merging(["namespace": "watermelondb"]) { $1 }])
        #expect(try phone.next()["tables"] as? [String] == ["tasks"])
    }

    @Test("a socket without a good key is refused")
    func stranger() throws {
        let hub = try TestHub.watermelon(.sqlite)
        #expect(throws: SocketPeer.Failure.self) { try LivePeer(hub, fields: "", sendsKey: false) }
    }
}

/// A WebSocket of an app.
private final class LivePeer {
    private let peer: SocketPeer
    private var machine = WebSocketMachine(role: .client, maskSeed: 7)
    private var received: [[String: Any]] = []

    init(_ hub: TestHub, query: String = "", fields: String = "", sendsKey: Bool = true) throws {
        peer = try SocketPeer(port: hub.port)
        let key = sendsKey ? "Authorization: Bearer \(hub.key)\r\n" : ""
        try peer.write(
            "GET /sync/live\(query) HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(key)\(fields)\r\n")
        let head = try peer.read(until: "\r\n\r\n")
        guard head.hasPrefix("HTTP/1.1 101") else { throw SocketPeer.Failure(description: head) }
    }

    func next() throws -> [String: Any] {
        while received.isEmpty {
            let input = peer.takeInput()
            guard var bytes = input.isEmpty ? peer.read() : input, !bytes.isEmpty else {
                throw SocketPeer.Failure(description: "nothing came")
            }
            bytes.withUnsafeMutableBytes { buffer in
                machine.receive(buffer)
                while let event = machine.next() {
                    guard case .text(let payload) = event else { continue }
                    received.append((try? JSONSerialization.jsonObject(with: Data(payload))) as? [String: Any] ?? [:])
                }
            }
        }
        return received.removeFirst()
    }
}
