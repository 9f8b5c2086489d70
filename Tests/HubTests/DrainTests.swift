import Foundation
import Hub
import HubTesting
import Reactor
import Storage
import Testing

/// The end of a hub, as its devices see it.
@Suite("Drain", .timeLimit(.minutes(5)))
struct DrainTests {
    private func seconds(_ body: () -> Void) -> Double {
        let begun = Date()
        body()
        return Date().timeIntervalSince(begun)
    }

    @Test("a peer that does not read does not hold a stop up beyond its time")
    func stalledReader() throws {
        let hub = try TestHub { $0.limits.drainSeconds = 2 }
        let stalled = try hub.device("stalled", receiveBufferBytes: 4_096)
        try stalled.catchUp()
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        let body = String(repeating: "x", count: 900_000)
        for number in 0..<8 { _ = try laptop.push([change("r\(number)", ["l": 1], body)]) }
        #expect(seconds { hub.stop() } < 4)
        #expect(try laptop.next("bye")["reconnect_after_ms"] is Int)
    }

    @Test("pushes that wait for a store that is away are answered, sessions hear bye, and the stop is in time")
    func storeAway() throws {
        let store = WatchedStore(writesBlock: true)
        let hub = try TestHub(store: store) {
            $0.limits.drainSeconds = 3
            $0.limits.storeWaitSeconds = 60
        }
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        store.goAway(true)
        let before = store.writeCount
        try laptop.send(["type": "push", "id": "p", "changes": [change("a", ["l": 1], 1)]])
        #expect(try eventually { store.writeCount > before })
        #expect(seconds { hub.stop() } < 4)
        #expect(try laptop.next("error")["code"] as? String == "store_unavailable")
        _ = try laptop.next("bye")
    }

    @Test("the operators' listener says that the hub is not ready while it drains, and nobody else comes in")
    func readiness() throws {
        let store = WatchedStore(writesBlock: true)
        let hub = try TestHub(store: store) { $0.operationsAddress = .ipv4(port: 0) }
        let port = try #require(hub.hub.operationsAddress).port
        #expect(try TestHub.request(port, "", "GET", "/ready").status == 200)
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        store.slowWrites(seconds: 2)
        let before = store.writeCount
        try laptop.send(["type": "push", "id": "p", "changes": [change("a", ["l": 1], 1)]])
        #expect(try eventually { store.writeCount > before })
        let ended = DispatchGroup()
        let running = hub.hub
        DispatchQueue.global().async(group: ended) { running.stop() }
        #expect(
            try eventually {
                let answer = try TestHub.request(port, "", "GET", "/ready")
                return answer.status == 503 && answer.body.contains("shutting_down")
            })
        #expect(throws: (any Error).self) { try SocketPeer(port: hub.port) }
        // What was taken is committed, and its answer comes before the bye.
        #expect(try laptop.next("pushed")["id"] as? String == "p")
        _ = try laptop.next("bye")
        ended.wait()
    }

    @Test("a request that is being answered gets its whole answer, and the connection ends behind it")
    func requestUnderWay() throws {
        let store = WatchedStore(writesBlock: true)
        let hub = try TestHub(store: store)
        let peer = try SocketPeer(port: hub.port)
        let body = #"{"id":"q","changes":[{"kind":"note","id":"b","clock":{"l":1},"body":1}]}"#
        store.slowWrites(seconds: 1)
        let before = store.writeCount
        let ended = DispatchGroup()
        let running = hub.hub
        try peer.write(
            Array(
                """
                POST /v1/push HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(hub.key)\r\nX-Carillon-Device: rest\r
                Content-Length: \(body.utf8.count)\r\n\r\n\(body)
                """.utf8))
        #expect(try eventually { store.writeCount > before })
        DispatchQueue.global().async(group: ended) { running.stop() }
        let head = try peer.read(until: "\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200") && head.contains("Connection: close"))
        #expect(try peer.read(until: "accepted").contains(#""id":"q""#))
        ended.wait()
    }
}
