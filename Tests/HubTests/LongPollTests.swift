import Causality
import Foundation
import Hub
import HubTesting
import Testing

@Suite("Long polls", .timeLimit(.minutes(5)))
struct LongPollTests {
    private struct Page {
        let ids: [String]
        let cursor: String
        let hasMore: Bool
    }

    private func page(_ body: String) throws -> Page {
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] ?? [:]
        return Page(
            ids: (object["changes"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String },
            cursor: try #require(object["cursor"] as? String), hasMore: try #require(object["has_more"] as? Bool))
    }

    /// Asks, and leaves the answer to be waited for.
    private func ask(_ hub: TestHub, _ query: String, key: String? = nil, on peer: SocketPeer? = nil) throws
        -> SocketPeer
    {
        let peer = try peer ?? SocketPeer(port: hub.port)
        try peer.write("GET /v1/changes\(query) HTTP/1.1\r\nHost: h\r\nX-API-Key: \(key ?? hub.key)\r\n\r\n")
        return peer
    }

    private func answer(_ peer: SocketPeer) throws -> Page {
        let answer = try peer.exchange("")
        #expect(answer.status == 200)
        return try page(answer.body)
    }

    /// Where the log ends; the hub has seen everything before by then.
    private func cursor(_ hub: TestHub) throws -> String {
        try page(try hub.request("GET", "/v1/changes?wait=0&limit=10000").body).cursor
    }

    private func laptop(_ hub: TestHub) throws -> TestDevice {
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        return laptop
    }

    @Test("what is there is answered at once, page by page, as a pull answers it")
    func atOnce() throws {
        let hub = try TestHub()
        try laptop(hub).push((0..<5).map { change("\($0)", ["l": 1], $0) })
        let first = try page(try hub.request("GET", "/v1/changes?wait=60&limit=3").body)
        #expect(first.ids == ["0", "1", "2"] && first.hasMore)
        let rest = try hub.request("GET", "/v1/changes?wait=60&cursor=\(first.cursor)")
        #expect(try page(rest.body).ids == ["3", "4"])
        #expect(rest.body == (try hub.request("GET", "/v1/pull?cursor=\(first.cursor)").body))
    }

    @Test("a poll that waits is woken by what comes, and one connection polls on and on")
    func woken() throws {
        let hub = try TestHub()
        let laptop = try laptop(hub)
        var cursor = try cursor(hub)
        let peer = try SocketPeer(port: hub.port)
        for round in 0..<40 {
            _ = try ask(hub, "?wait=60&cursor=\(cursor)", on: peer)
            if round % 4 == 0 { #expect(peer.read(seconds: 0.05) == nil) }
            try laptop.push([change("\(round)", ["l": 1], 1)], id: "\(round)")
            let page = try answer(peer)
            #expect(page.ids == ["\(round)"] && !page.hasMore)
            cursor = page.cursor
        }
    }

    @Test("a poll whose time is up is answered by an empty page")
    func timedOut() throws {
        let hub = try TestHub {
            // A poll is no idle request.
            $0.limits.idleSeconds = 1
            $0.limits.handshakeSeconds = 1
            $0.limits.headSeconds = 1
            $0.limits.helloSeconds = 1
            $0.limits.bodyProgressSeconds = 1
            $0.limits.requestSeconds = 1
            $0.limits.sweepSeconds = 1
        }
        let cursor = try cursor(hub)
        let began = Date()
        let page = try answer(try ask(hub, "?wait=3&cursor=\(cursor)"))
        #expect(Date().timeIntervalSince(began) > 2.9)
        #expect(page.ids.isEmpty && page.cursor == cursor && !page.hasMore)
    }

    @Test("commits that the filters keep out neither wake a poll nor cost a read, and move its cursor")
    func filters() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        let laptop = try laptop(hub)
        let begin = try cursor(hub)
        let waits = try ask(hub, "?wait=2&kinds=todo&cursor=\(begin)")
        let woken = try ask(hub, "?wait=60&kinds=todo&namespaces=default&cursor=\(begin)")
        while store.pageCount < 3 { Thread.sleep(forTimeInterval: 0.01) }
        #expect(woken.read(seconds: 0.2) == nil)
        for index in 0..<20 { try laptop.push([change("\(index)", ["l": 1], 1)], id: "\(index)") }
        let empty = try answer(waits)
        #expect(empty.ids.isEmpty && empty.cursor != begin)
        #expect(store.pageCount == 3)
        #expect(try page(try hub.request("GET", "/v1/pull?cursor=\(empty.cursor)").body).ids.isEmpty)
        try laptop.push([change("t", ["l": 1], 1, kind: "todo")], id: "t")
        #expect(try answer(woken).ids == ["t"])
        #expect(store.pageCount == 5)
    }

    @Test("a device's own changes do not wake its poll")
    func ownChanges() throws {
        let hub = try TestHub()
        let laptop = try laptop(hub)
        let phone = try hub.device("phone")
        try phone.hello(["live": false])
        let cursor = try cursor(hub)
        let peer = try SocketPeer(port: hub.port)
        try peer.write(
            "GET /v1/changes?wait=60&cursor=\(cursor) HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n"
                + "X-Carillon-Device: laptop\r\n\r\n")
        try laptop.push([change("own", ["l": 1], 1)])
        try phone.push([change("other", ["p": 1], 1)])
        #expect(try answer(peer).ids == ["other"])
        let both = try hub.request(
            "GET", "/v1/changes?wait=60&cursor=\(cursor)", fields: "X-Carillon-Device: laptop\r\n")
        #expect(try page(both.body).ids == ["other"])
    }

    @Test("a commit while a poll looks into the log is not missed")
    func commitMeanwhile() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        let laptop = try laptop(hub)
        store.holdPages(true)
        let peer = try ask(hub, "?wait=60")
        while store.pageCount < 1 { Thread.sleep(forTimeInterval: 0.01) }
        try laptop.push([change("a", ["l": 1], 1)])
        store.holdPages(false)
        #expect(try answer(peer).ids == ["a"])
    }

    @Test("a poll whose time is up while it looks into the log answers what it finds, to itself and not to the next")
    func overdue() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        let laptop = try laptop(hub)
        try laptop.push([change("a", ["l": 1], 1)])
        store.holdPages(true)
        let peer = try ask(hub, "?wait=1")
        #expect(peer.read(seconds: 1.5) == nil)
        store.holdPages(false)
        let page = try answer(peer)
        #expect(page.ids == ["a"])
        #expect(try answer(try ask(hub, "?wait=1&cursor=\(page.cursor)", on: peer)).ids.isEmpty)
    }

    @Test("another user's commits wake nobody")
    func tenants() throws {
        let hub = try TestHub()
        let key = try hub.newKey(user: "bob")
        let peer = try ask(hub, "?wait=1", key: key)
        try laptop(hub).push([change("hers", ["l": 1], 1)])
        #expect(try answer(peer).ids.isEmpty)
    }

    @Test("a hub that stops answers who waits at once")
    func hubStop() throws {
        let hub = try TestHub()
        let cursor = try cursor(hub)
        let peer = try ask(hub, "?wait=60&cursor=\(cursor)")
        #expect(peer.read(seconds: 0.2) == nil)
        let began = Date()
        hub.stop()
        let answer = try peer.exchange("")
        #expect(answer.status == 200 && answer.head.contains("Connection: close"))
        #expect(try page(answer.body).cursor == cursor)
        #expect(Date().timeIntervalSince(began) < 5)
    }

    @Test("a revoked key ends a wait")
    func revoked() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) { $0.limits.revocationSeconds = 1 }
        let peer = try ask(hub, "?wait=60")
        while store.pageCount < 1 { Thread.sleep(forTimeInterval: 0.01) }
        #expect(try hub.accounts.revokeKey(prefix: String(hub.key.dropFirst(4).prefix(8))))
        let answer = try peer.exchange("")
        #expect(answer.status == 401 && answer.head.contains("Connection: close"))
    }

    @Test("requests that come behind a poll wait for it, and no more is held of them than a limit")
    func pipelined() throws {
        let hub = try TestHub { $0.limits.heldInputBytesMax = 4_096 }
        let laptop = try laptop(hub)
        let cursor = try cursor(hub)
        let peer = try ask(hub, "?wait=60&cursor=\(cursor)")
        let more = "GET /health HTTP/1.1\r\nHost: h\r\nX-Fill: \(String(repeating: "x", count: 1_000))\r\n\r\n"
        try peer.write(String(repeating: more, count: 100))
        #expect(peer.read(seconds: 0.2) == nil)
        try laptop.push([change("a", ["l": 1], 1)])
        #expect(try answer(peer).ids == ["a"])
        for _ in 0..<100 { #expect(try peer.exchange("").body.contains("ok")) }
    }

    @Test("a poll whose client has left is forgotten")
    func peerLeaves() throws {
        let hub = try TestHub { $0.limits.streamsPerUserMax = 1 }
        var peer: SocketPeer? = try ask(hub, "?wait=60")
        #expect(peer?.read(seconds: 0.2) == nil)
        peer = nil
        var status = 429
        for _ in 0..<200 where status == 429 {
            status = try hub.request("GET", "/v1/changes?wait=0").status
            if status == 429 { Thread.sleep(forTimeInterval: 0.02) }
        }
        #expect(status == 200)
    }

    @Test("a log that cannot be read is a problem, and the connection goes on")
    func storeAway() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        let peer = try ask(hub, "?wait=60")
        while store.pageCount < 1 { Thread.sleep(forTimeInterval: 0.01) }
        store.failPages(after: 0)
        try laptop(hub).push([change("a", ["l": 1], 1)])
        #expect(try peer.exchange("").status == 503)
        #expect(try peer.exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    }

    @Test("a log that begins anew while a poll waits is a resync")
    func beginsAnew() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        let peer = try ask(hub, "?wait=60")
        while store.pageCount < 1 { Thread.sleep(forTimeInterval: 0.01) }
        #expect(peer.read(seconds: 0.1) == nil)
        store.beginAnew()
        try laptop(hub).push([change("a", ["l": 1], 1)])
        #expect(try peer.exchange("").status == 410)
    }
}
