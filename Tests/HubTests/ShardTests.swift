import Causality
import Foundation
import Hub
import HubTesting
import Reactor
import Testing

/// What a shard owes its connections, whatever its neighbours do.
@Suite("Shards", .timeLimit(.minutes(5)))
struct ShardTests {
    @Test("devices whose home is full stay where they are, and new connections go where there is room")
    func fullHome() throws {
        let hub = try TestHub { $0.limits.connectionsPerShardMax = 3 }
        let devices = try (0..<6).map { try hub.device("d\($0)") }
        for device in devices { try device.catchUp() }
        try devices[0].push([change("a", ["l": 1], 1)])
        for device in devices.dropFirst() { #expect(try device.changes(count: 1).count == 1) }
    }

    @Test("a shard that commits what others bring hears its own devices meanwhile")
    func turnsEnd() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) {
            $0.limits.homeDevicesMax = 0
            $0.limits.changesPerCommitMax = 8
        }
        // Dealt in turn, and none moves: of each two one is on either shard.
        let (port, key, isOver) = (hub.port, hub.key, Guarded(false))
        let (ready, ended) = (DispatchGroup(), DispatchGroup())
        for name in ["pusher0", "pusher1"] {
            ready.enter()
            ended.enter()
            Thread.detachNewThread {
                defer { ended.leave() }
                try? ShardTests.push(as: name, port, key, inFlight: 32, isReady: { ready.leave() }) {
                    isOver.withLock { $0 }
                }
            }
        }
        ready.wait()
        let listeners = try (0..<2).map { try hub.device("listener\($0)") }
        for device in listeners { try device.hello(["live": false]) }
        // One shard takes the lane, and the other one keeps it from coming to rest.
        store.slowWrites(seconds: 0.03)
        Thread.sleep(forTimeInterval: 0.5)
        let began = Date()
        for device in listeners { try device.send(["type": "ping", "id": "1"]) }
        for device in listeners { _ = try device.next("pong") }
        #expect(Date().timeIntervalSince(began) < 3)
        isOver.withLock { $0 = true }
        ended.wait()
    }

    /// Pushes, so many at a time, until it is over, or for six seconds.
    private static func push(
        as name: String, _ port: UInt16, _ key: String, inFlight: Int, isReady: () -> Void, isOver: () -> Bool
    ) throws {
        let device = try TestDevice(port: port, name: name, key: key)
        try device.hello(["live": false])
        isReady()
        let until = Date() + 6
        var number = 0
        while !isOver(), Date() < until {
            number += 1
            try device.send(["type": "push", "id": "p", "changes": [change(name, ["l": number], 1)]])
            if number > inFlight { _ = try device.next("pushed") }
        }
    }

    @Test("the time for the hello begins with the upgrade, not with the connection")
    func lateUpgrade() throws {
        let hub = try TestHub {
            $0.limits.handshakeSeconds = 3
            $0.limits.headSeconds = 3
            $0.limits.helloSeconds = 3
            $0.limits.bodyProgressSeconds = 3
            $0.limits.sweepSeconds = 1
        }
        let peer = try SocketPeer(port: hub.port)
        #expect(try peer.exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
        Thread.sleep(forTimeInterval: 3.5)
        try peer.write(
            "GET /v1/socket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Protocol: carillon.v1\r\n\r\n")
        #expect(try peer.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101"))
        // A sweep comes by, and says nothing.
        #expect(peer.read(seconds: 1.3) == nil)
    }

    @Test("what comes behind a poll is answered in order, also while its long answer is still to be taken")
    func orderBehindAPoll() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let body = String(repeating: "x", count: 1 << 20)
        try laptop.push((0..<6).map { change("\($0)", ["l": 1], body) })
        store.holdPages(true)
        let peer = try SocketPeer(port: hub.port, receiveBufferBytes: 8_192)
        try peer.write("GET /v1/changes HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n\r\n")
        while store.pageCount == 0 { Thread.sleep(forTimeInterval: 0.01) }
        try peer.write("GET /hea")
        Thread.sleep(forTimeInterval: 0.2)
        store.holdPages(false)
        let head = try peer.read(until: "\r\n\r\n")
        try peer.write("lth HTTP/1.1\r\nHost: h\r\n\r\n")
        let length = try #require(
            head.split(separator: "Content-Length: ").last.flatMap { Int($0.prefix { $0.isNumber }) })
        #expect(length > 6 << 20)
        Thread.sleep(forTimeInterval: 0.2)
        _ = try peer.read(count: length)
        #expect(try peer.exchange("").body.contains("ok"))
    }
}
