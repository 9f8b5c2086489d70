import Causality
import ContextFSDialect
import Foundation
import Hub
import HubTesting
import Storage
import Testing

/// How ContextFS meets the rest of the hub: native devices, other spaces, live notices.
@Suite("ContextFS streams")
struct ContextFSStreamTests {
    @Test("a native device's memory comes with the pulls, whatever its body lacks", arguments: HubStore.allCases)
    func nativeMemory(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let native = try hub.hub.device("native")
        try native.hello()
        _ = try native.push([
            change("n1", ["native": 1], ["content": "sensible", "tags": ["t"]], kind: "memory"),
            change("n2", ["native": 1], ["type": "sonnet", "metadata": NSNull(), "tags": [1], "x": 1], kind: "memory"),
            change("n3", ["native": 1], "no object", kind: "memory"),
            change("a:b:r", ["native": 1], [:] as [String: Any], kind: "edge"),
        ])
        let page = try hub.peer("b").pull()
        let memories = Dictionary(uniqueKeysWithValues: page.list("memories").map { ($0.text("id"), $0) })
        #expect(memories["n1"]?.text("content") == "sensible" && memories["n1"]?.texts("tags") == ["t"])
        for id in ["n1", "n2", "n3"] {
            let memory = try #require(memories[id])
            #expect(memory["content"] is String && memory.text("type") == "fact" && memory["metadata"] is [String: Any])
            #expect(memory["tags"] is [String] && !memory.text("created_at").isEmpty && memory["encrypted"] is Bool)
        }
        #expect(memories["n2"]?.number("x") == 1)
        let edge = try #require(page.list("edges").first)
        #expect(edge.text("from_id") == "a" && edge.text("to_id") == "b" && edge.text("relation") == "r")
    }

    @Test("a push reaches native subscribers at once", arguments: HubStore.allCases)
    func nativeSubscriber(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let native = try hub.hub.device("native")
        try native.hello()
        let a = hub.peer("a")
        try a.push([a.memory("m", "heard")])
        let told = try native.changes(count: 1)
        #expect(told.first?["id"] as? String == "m")
        #expect((told.first?["body"] as? [String: Any])?.text("content") == "heard")
    }

    @Test("a commit that comes late in another space is not skipped", arguments: HubStore.allCases)
    func lateCommit(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let key = try hub.user("tess")
        try hub.team(["ada", "tess"])
        let (a, t) = (hub.peer("a"), hub.peer("t", key: key))
        try a.push([a.memory("m1", "one", visibility: "team_read")])
        try t.push([t.memory("own", "x")])
        let seen = try t.pull()
        #expect(seen.ids() == ["m1", "own"])
        // Of an hour ago by its position, as of a hub whose clock is behind, though it commits now: the head of ada's
        // space is behind the number that tess was told.
        let ada = try #require(try hub.hub.store.accounts.user(named: "ada"))
        let head = try hub.hub.store.head(of: ada.space)
        let late = Change(
            kind: "memory", id: "late", namespace: "global", clock: VectorClock([.init(replica: "z", counter: 1)]),
            hash: "h", body: Array("{\"content\":\"late\"}".utf8)[...], visibility: .teamRead)
        try hub.hub.store.write { transaction throws(StoreError) in
            try transaction.prepare([TouchedRecords(space: ada.space, names: [late.name])])
            _ = try transaction.lockHead(of: ada.space)
            let position = Position(head.microseconds + 1)
            try transaction.append(
                [LogEntry(position: position, author: "z", change: late, wasShared: true)], ending: [],
                in: ada.space, head: position)
        }
        let next = try t.pull(since: seen.stamp)
        #expect(next.ids() == ["late"])
        // Its answer is lost; a push of the device comes between.
        let pushed = try t.push([t.memory("own2", "y")], since: seen.stamp)
        #expect(try t.pull(since: pushed.stamp).ids() == ["late"])
    }

    @Test("the dashboard's socket hears of memories made, changed and deleted", arguments: HubStore.allCases)
    func notices(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let key = try hub.user("tess")
        try hub.team(["ada", "tess"])
        func socket(_ key: String) throws -> SocketPeer {
            let peer = try SocketPeer(port: hub.hub.port)
            try peer.write(
                "GET /ws/memories?api_key=\(key) HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            return peer
        }
        let refused = try socket("car_wrong")
        #expect(try refused.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 403"))
        let own = try socket(hub.hub.key)
        let mate = try socket(key)
        for peer in [own, mate] {
            #expect(try peer.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101"))
            #expect(try peer.read(until: "}}").contains("\"type\":\"connected\",\"data\":{\"user_id\":"))
        }
        let a = hub.peer("a")
        try a.push([a.memory("m", "1", visibility: "team_read"), a.memory("n", "1", visibility: "team_read")])
        for peer in [own, mate] {
            #expect(try peer.read(until: "}}").hasSuffix("{\"type\":\"memory_created\",\"data\":{\"count\":2}}"))
        }
        try a.push([a.memory("m", "2", clock: ["a": 2], visibility: "team_read")])
        for peer in [own, mate] {
            #expect(try peer.read(until: "}}").hasSuffix("{\"type\":\"memory_updated\",\"data\":{\"count\":1}}"))
        }
        try a.diff([a.entry("m", "h-2", deletedAt: "2026-11-22T00:00:00Z"), a.entry("n", "h-1")])
        for peer in [own, mate] {
            #expect(try peer.read(until: "}}").hasSuffix("{\"type\":\"memory_deleted\",\"data\":{\"count\":1}}"))
        }
    }

    @Test(
        "serving it right 11: notices reach other hubs, and a slow reader delays no push",
        arguments: [HubStore.sqlite])
    func slowReader(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let peer = try SocketPeer(port: hub.hub.port, receiveBufferBytes: 1_024)
        try peer.write(
            "GET /ws/memories HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "X-API-Key: \(hub.hub.key)\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        _ = try peer.read(until: "}}")
        let a = hub.peer("a")
        for round in 0..<300 { try a.push([a.memory("m\(round)", "c")]) }
        #expect(try hub.peer("b").pull().ids().count == 300)
    }

    @Test("a long push is committed in chunks and comes back whole", arguments: HubStore.allCases)
    func longPush(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        let embedding = (0..<384).map { Double(Float($0) / 7) }
        let items = (0..<2_500).map { a.memory("m\($0)", "c\($0)", ["embedding": embedding]) }
        #expect(try a.push(items).number("accepted") == 2_500)
        #expect(try a.push(items).number("accepted") == 2_500)
        var since: Any = NSNull()
        var ids: [String] = []
        while true {
            let page = try b.pull(since: since, limit: 1_000)
            ids += page.ids()
            since = page.stamp
            guard page.flag("has_more") else { break }
        }
        #expect(Set(ids).count == 2_500 && ids.count == 2_500)
        let entries = (0..<2_500).map { b.entry("m\($0)", "h-c\($0)") }
        let even = try b.diff(entries)
        #expect(even.ids("missing_memories").isEmpty && even.number("total_server_missing") == 0)
        #expect(try b.diff().ids("missing_memories").count == 2_500)
    }
}
