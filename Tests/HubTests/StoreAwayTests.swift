import Causality
import Foundation
import Hub
import HubTesting
import Logging
import Reactor
import Storage
import Testing
import Wire

/// A store that goes away for a while and comes back: nothing is lost, nobody is sent away.
@Suite("Store away", .timeLimit(.minutes(5)))
struct StoreAwayTests {
    private func ids(_ changes: [[String: Any]]) -> [String] { changes.compactMap { $0["id"] as? String } }

    @Test("pushes wait for the store and are accepted when it is back, in their order", arguments: [true, false])
    func wait(_ writesBlock: Bool) throws {
        let store = WatchedStore(writesBlock: writesBlock)
        let hub = try TestHub(store: store)
        let (laptop, phone) = (try hub.device("laptop"), try hub.device("phone"))
        try laptop.catchUp()
        try phone.catchUp()
        store.goAway(true)
        for index in 0..<20 {
            try laptop.send(["type": "push", "id": "\(index)", "changes": [change("\(index)", ["l": 1], 1)]])
        }
        // The loop does not wait with them: it answers.
        let before = store.writeCount
        try laptop.send(["type": "ping", "id": "p"])
        #expect(try laptop.next("pong")["id"] as? String == "p")
        while store.writeCount < before + 2 { Thread.sleep(forTimeInterval: 0.01) }
        store.goAway(false)
        for index in 0..<20 { #expect(try laptop.next("pushed")["id"] as? String == "\(index)") }
        #expect(ids(try phone.changes(count: 20)) == (0..<20).map(String.init))
        #expect(phone.gaps.isEmpty && !laptop.isClosed)
        #expect(hub.hub.metrics.commitsRetried > 0 && hub.hub.metrics.pushesThatWaited > 0)
    }

    @Test("a push that waits past its deadline is refused with a delay, over socket and REST, and the socket stays")
    func deadline() throws {
        let store = WatchedStore(writesBlock: true)
        let hub = try TestHub(store: store) { $0.limits.storeWaitSeconds = 1 }
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        _ = try hub.request("POST", "/v1/push", body: #"{"changes":[]}"#, fields: "X-Carillon-Device: rest\r\n")
        store.goAway(true)
        let begun = Date()
        try laptop.send(["type": "push", "id": "p", "changes": [change("a", ["l": 1], 1)]])
        let refusal = try laptop.next("error")
        let waited = Date().timeIntervalSince(begun)
        #expect(refusal["code"] as? String == "store_unavailable" && refusal["id"] as? String == "p")
        #expect((refusal["retry_after_ms"] as? Int ?? 0) > 0 && refusal["fatal"] as? Bool == false)
        #expect(waited > 0.8 && waited < 4)
        let body = #"{"id":"q","changes":[{"kind":"note","id":"b","clock":{"l":1},"body":1}]}"#
        let answer = try hub.request("POST", "/v1/push", body: body, fields: "X-Carillon-Device: rest\r\n")
        #expect(answer.status == 503 && answer.head.contains("Retry-After: "))
        store.goAway(false)
        #expect(try laptop.push([change("a", ["l": 1], 1)])[0]["verdict"] as? String == "accepted")
    }

    @Test("pushes that wait behind others are refused with them, however long the store takes to say that it is away")
    func overdue() throws {
        let store = WatchedStore(writesBlock: true)
        let hub = try TestHub(store: store) { configuration in
            configuration.limits.storeWaitSeconds = 1
            configuration.limits.changesPerCommitMax = 1
        }
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        store.goAway(true)
        store.slowWrites(seconds: 0.5)
        let begun = Date()
        for index in 0..<20 {
            try laptop.send(["type": "push", "id": "\(index)", "changes": [change("\(index)", ["l": 1], 1)]])
        }
        for index in 0..<20 { #expect(try laptop.next("error", seconds: 20)["id"] as? String == "\(index)") }
        #expect(Date().timeIntervalSince(begun) < 5)
    }

    @Test("a session that is not read while its pushes wait is not taken for a silent one")
    func silence() throws {
        let store = WatchedStore(writesBlock: true)
        let hub = try TestHub(store: store) { configuration in
            configuration.limits.storeWaitSeconds = 60
            configuration.limits.laneMarkBytes = 1
            (configuration.limits.sweepSeconds, configuration.limits.idleSeconds) = (1, 2)
        }
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        store.goAway(true)
        for index in 0..<2 {
            try laptop.send(["type": "push", "id": "\(index)", "changes": [change("\(index)", ["l": 1], 1)]])
        }
        // Pings while its store is away, of which the hub hears nothing.
        for _ in 0..<10 {
            Thread.sleep(forTimeInterval: 0.5)
            try laptop.send(["type": "ping", "id": "p"])
        }
        store.goAway(false)
        for index in 0..<2 { #expect(try laptop.next("pushed")["id"] as? String == "\(index)") }
        // The earlier pongs may have come between the two.
        try laptop.send(["type": "ping", "id": "p"])
        #expect(try laptop.next("pong")["id"] as? String == "p")
    }

    @Test("what became durable while its answers were lost reaches the devices, also when nobody pushes again")
    func owed() throws {
        let store = WatchedStore(writesBlock: true)
        let hub = try TestHub(store: store) { $0.limits.storeWaitSeconds = 0 }
        let (laptop, phone) = (try hub.device("laptop"), try hub.device("phone"))
        try laptop.catchUp()
        try phone.catchUp()
        store.loseAnswers(true)
        try laptop.send(["type": "push", "id": "p", "changes": [change("a", ["l": 1], 1)]])
        #expect(try laptop.next("error")["code"] as? String == "store_unavailable")
        #expect(ids(try phone.changes(count: 1)) == ["a"])
        store.loseAnswers(false)
    }

    @Test("a hub that stops while its store is away ends within its bound, and says that nothing was written")
    func stopping() throws {
        let store = WatchedStore(writesBlock: true)
        let hub = try TestHub(store: store) { $0.limits.storeWaitSeconds = 60 }
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        store.goAway(true)
        let before = store.writeCount
        try laptop.send(["type": "push", "id": "p", "changes": [change("a", ["l": 1], 1)]])
        while store.writeCount == before { Thread.sleep(forTimeInterval: 0.01) }
        let begun = Date()
        hub.stop()
        #expect(Date().timeIntervalSince(begun) < 5)
        #expect(try laptop.next("error")["code"] as? String == "store_unavailable")
        #expect(try laptop.next("bye")["reason"] as? String == "shutting_down")
    }

    @Test("a catch-up whose pages cannot be read goes on when they can, on sockets and event streams")
    func catchUp() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) { $0.limits.pageEntriesMax = 5 }
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        try laptop.push((0..<20).map { change("\($0)", ["l": 1], 1) })
        let failures = store.pageCount
        store.failPages(after: 1)
        let phone = try hub.device("phone")
        try phone.hello()
        let stream = try StreamPeer(
            port: hub.port, "/v1/changes", key: hub.key, fields: "Accept: text/event-stream\r\n")
        while store.pageCount < failures + 4 { Thread.sleep(forTimeInterval: 0.01) }
        store.failPages(after: .max)
        #expect(try phone.changes(endsAtSynced: true).count == 20)
        #expect(try stream.changes(endsAtSynced: true).count == 20)
        #expect(phone.gaps.isEmpty && stream.gaps.isEmpty)
        // A poll is an answer of its own: it is told.
        store.failPages(after: 0)
        let poll = try hub.request("GET", "/v1/changes?wait=0")
        #expect(poll.status == 503 && poll.head.contains("Retry-After: "))
    }

    @Test("an acknowledgement beyond the end of the log is refused; one of what was pulled is kept")
    func acknowledgements() throws {
        let hub = try TestHub()
        let (laptop, phone) = (try hub.device("laptop"), try hub.device("phone"))
        try phone.hello(["live": false])
        try laptop.catchUp()
        let ahead = Cursor(generation: Generation(42), space: try space(hub), position: Position(1 << 52))
        try phone.send(["type": "ack", "cursor": ahead.text])
        #expect(try phone.next("error")["code"] as? String == "bad_cursor")
        try laptop.push([change("a", ["l": 1], 1)])
        let head = try hub.store.head(of: try space(hub))
        let pulled = Cursor(generation: Generation(42), space: try space(hub), position: head)
        try phone.send(["type": "ack", "cursor": pulled.text])
        try phone.send(["type": "ping", "id": "p"])
        #expect(try phone.next("pong")["id"] as? String == "p")
        while try hub.store.accounts.device("phone", of: try space(hub))?.acknowledged != head {
            Thread.sleep(forTimeInterval: 0.02)
        }
        #expect(!phone.isClosed)
        let answer = try hub.request("GET", "/v1/pull?cursor=\(ahead.text)")
        #expect(answer.status == 410)
    }

    @Test("a log that lies ahead of the clock is warned of once, and its order goes on")
    func clock() throws {
        let store = MemoryStore(generation: Generation(42))
        let lines = LogLines()
        let hub = try TestHub(store: store, log: lines)
        let (laptop, phone) = (try hub.device("laptop"), try hub.device("phone"))
        try laptop.hello(["live": false])
        // As a hub left it whose clock ran a year ahead.
        let year = Position(Int64(Date().timeIntervalSince1970 + 365 * 86_400) * 1_000_000)
        let space = try space(hub)
        try store.write { (transaction) throws(StoreError) in
            try transaction.append([], ending: [], in: space, head: year)
        }
        try phone.catchUp()
        for index in 0..<3 { try laptop.push([change("\(index)", ["l": 1], 1)]) }
        let positions = try phone.changes(count: 3).compactMap { $0["position"] as? Int64 }
        #expect(positions == [year.microseconds + 1, year.microseconds + 2, year.microseconds + 3])
        #expect(lines.all.count { $0.contains("ahead of this machine's clock") } == 1)
    }

    private func space(_ hub: TestHub) throws -> Identifier {
        try #require(try hub.store.accounts.user(named: "ada")).space
    }
}
