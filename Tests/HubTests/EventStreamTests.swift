import Causality
import Foundation
import Hub
import HubTesting
import Testing

@Suite("Event streams", .timeLimit(.minutes(5)))
struct EventStreamTests {
    private func ids(_ changes: [[String: Any]]) -> [String] { changes.compactMap { $0["id"] as? String } }

    @Test("catch-up and live are one stream, with no gap and nothing twice while others push")
    func catchUpThenLive() throws {
        let hub = try TestHub { $0.limits.pageEntriesMax = 3 }
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        for round in 0..<10 {
            try laptop.push((0..<10).map { change("\(round)-\($0)", ["l": 1], $0) }, id: "\(round)")
        }
        let stream = try hub.events()
        #expect(stream.status == 200 && stream.head.contains("Content-Type: text/event-stream"))
        for round in 10..<20 {
            try laptop.push((0..<10).map { change("\(round)-\($0)", ["l": 1], $0) }, id: "\(round)")
        }
        let heard = try stream.changes(count: 200)
        #expect(Set(ids(heard)).count == 200)
        let positions = heard.compactMap { $0["position"] as? Int }
        #expect(positions == positions.sorted() && Set(positions).count == 200)
        #expect(stream.gaps.isEmpty && stream.retryMilliseconds != nil)
    }

    @Test("an event's data is the socket's frame")
    func sameFrames() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        let phone = try hub.device("phone")
        try laptop.hello(["live": false])
        try phone.catchUp()
        let stream = try hub.events()
        _ = try stream.next("synced")
        try laptop.push([change("a", ["l": 1], ["text": "grüße\u{2028}"])])
        try laptop.push([change("a", ["m": 1], 2)], id: "q")
        for type in ["changes", "conflict"] {
            let event = try stream.next(type)
            let frame = try phone.next(type)
            #expect(NSDictionary(dictionary: event.json) == NSDictionary(dictionary: frame))
        }
    }

    @Test("a stream cut at any event goes on behind it by Last-Event-ID, which is newer than the URL's cursor")
    func resumeAtEachPoint() throws {
        let hub = try TestHub { $0.limits.pageEntriesMax = 2 }
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        try laptop.push((0..<9).map { change("\($0)", ["l": 1], $0) })
        try laptop.push([change("3", ["m": 1], "other")], id: "q")
        let stream = try hub.events()
        let first = try #require(try stream.nextEvent()?.id)
        var heard: [(cursor: String, count: Int)] = [(first, 2)]
        while let event = try stream.nextEvent(), event.type != "synced" {
            let count = (event.json["changes"] as? [Any])?.count ?? 1
            heard.append((try #require(event.id), heard[heard.count - 1].count + count))
        }
        #expect(heard.last?.count == 10)
        for (cursor, count) in heard {
            let again = try hub.events("?cursor=\(first)", fields: "Last-Event-ID: \(cursor)\r\n")
            let rest = try again.changes(endsAtSynced: true)
            #expect(rest.count == 10 - count)
            #expect(Set(rest.compactMap { $0["position"] as? Int }).count == rest.count)
        }
    }

    @Test("filters let through what they name; the place moves past the rest with the heartbeat")
    func filters() throws {
        let hub = try TestHub {
            $0.limits.heartbeatSeconds = 1
            $0.limits.sweepSeconds = 1
        }
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let stream = try hub.events("?kinds=todo&namespaces=home")
        _ = try stream.next("synced")
        var todo = change("t1", ["l": 1], 1, kind: "todo")
        try laptop.push([change("n", ["l": 1], 1), todo])
        let synced = try stream.next("synced")
        #expect(synced.id == stream.lastID)
        todo["id"] = "t2"
        todo["namespace"] = "home"
        try laptop.push([todo], id: "q")
        #expect(ids(try stream.changes(count: 1)) == ["t2"])
        #expect(stream.gaps.isEmpty)
    }

    @Test("two users never hear each other")
    func tenants() throws {
        let hub = try TestHub()
        let key = try hub.newKey(user: "bob")
        let laptop = try hub.device("laptop")
        let other = try hub.device("laptop", key: key)
        try laptop.hello(["live": false])
        try other.hello(["live": false])
        let ada = try hub.events()
        let bob = try hub.events(key: key)
        try laptop.push([change("hers", ["l": 1], 1)])
        try other.push([change("his", ["l": 1], 1)])
        #expect(ids(try ada.changes(count: 1)) == ["hers"])
        #expect(ids(try bob.changes(count: 1)) == ["his"])
        let cursor = try #require(ada.lastID)
        #expect(try hub.events("?cursor=\(cursor)", key: key).status == 400)
    }

    @Test("without a device everything comes and none is registered; with one its own changes are left out")
    func devices() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        let all = try hub.events()
        let own = try hub.events(fields: "X-Carillon-Device: laptop\r\n")
        _ = try own.next("synced")
        try laptop.push([change("a", ["l": 1], 1)])
        #expect(ids(try all.changes(count: 1)) == ["a"])
        let before = own.lastID
        _ = try own.next("synced")
        #expect(own.lastID != before && own.gaps.isEmpty)
        let status = try hub.request("GET", "/v1/status").body
        #expect(status.components(separatedBy: "\"replica\"").count == 2)
        // A stream is no session: the socket of the same device stands.
        try laptop.push([change("b", ["l": 1], 1)], id: "q")
    }

    @Test("a reader that falls behind is fed from the log when it reads again, and misses nothing")
    func slowReader() throws {
        let hub = try TestHub { $0.limits.outboxBytesMax = 64 << 10 }
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let slow = try hub.events(receiveBufferBytes: 4_096)
        let quick = try hub.events()
        _ = try slow.next("synced")
        let text = String(repeating: "x", count: 20_000)
        for round in 0..<40 {
            try laptop.push((0..<5).map { change("\(round)-\($0)", ["l": 1], text) }, id: "\(round)")
        }
        #expect(Set(ids(try quick.changes(count: 200))).count == 200)
        let heard = try slow.changes(count: 200)
        #expect(Set(ids(heard)).count == 200)
        #expect(slow.gaps.isEmpty && quick.gaps.isEmpty)
    }

    @Test("line ends in a body's white space are data, not the end of an event")
    func lineEnds() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let stream = try hub.events()
        _ = try stream.next("synced")
        let body = "{\n  \"a\":\n\n [1]\n}"
        try laptop.send(
            text: #"{"type":"push","id":"p","changes":[{"kind":"n","id":"a","clock":{"l":1},"body":\#(body)}]}"#)
        let event = try stream.next("changes")
        #expect(event.data.contains(body))
    }

    @Test("a stream for HTTP/1.0, or for one that asks for the close, has no chunks", arguments: ["1.0", "1.1"])
    func untilClose(_ version: String) throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let stream = try hub.events(fields: "Connection: close\r\n", version: version)
        #expect(!stream.head.contains("chunked"))
        _ = try stream.next("synced")
        try laptop.push([change("a", ["l": 1], 1)])
        #expect(ids(try stream.changes(count: 1)) == ["a"])
        hub.stop()
        _ = try stream.next("bye")
        #expect(try stream.nextEvent() == nil && stream.isClosed)
    }

    @Test("a revoked key ends a stream with its reason")
    func revoked() throws {
        let hub = try TestHub { $0.limits.revocationSeconds = 1 }
        let stream = try hub.events()
        _ = try stream.next("synced")
        let prefix = String(hub.key.dropFirst(4).prefix(8))
        #expect(try hub.accounts.revokeKey(prefix: prefix))
        let event = try stream.next("error")
        #expect(event.json["code"] as? String == "unauthorized" && event.json["fatal"] as? Bool == true)
        #expect(event.id == nil)
        #expect(try stream.nextEvent() == nil && stream.isEnded)
    }

    @Test("a hub that stops says bye, how long to stay away, and ends the body")
    func hubStop() throws {
        let hub = try TestHub()
        let stream = try hub.events()
        _ = try stream.next("synced")
        hub.stop()
        let bye = try stream.next("bye")
        #expect(bye.json["reason"] as? String == "shutting_down")
        #expect(bye.json["reconnect_after_ms"] as? Int == stream.retryMilliseconds)
        #expect(try stream.nextEvent() == nil && stream.isEnded)
    }

    @Test("a quiet stream is kept open by comments")
    func heartbeat() throws {
        let hub = try TestHub {
            $0.limits.heartbeatSeconds = 1
            $0.limits.sweepSeconds = 1
            $0.limits.idleSeconds = 1
            $0.limits.handshakeSeconds = 1
            $0.limits.headSeconds = 1
            $0.limits.helloSeconds = 1
            $0.limits.bodyProgressSeconds = 1
        }
        let stream = try hub.events()
        _ = try stream.next("synced")
        try stream.readComments(3)
        #expect(stream.commentCount == 3 && !stream.isClosed)
    }

    @Test("HEAD is answered by the head alone, and holds nothing")
    func head() throws {
        let hub = try TestHub { $0.limits.streamsPerUserMax = 0 }
        let peer = try SocketPeer(port: hub.port)
        let authorization = "Host: h\r\nX-API-Key: \(hub.key)\r\n"
        try peer.write("HEAD /v1/changes HTTP/1.1\r\n\(TestHub.eventStream)\(authorization)\r\n")
        let head = try peer.read(until: "\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200") && head.contains("text/event-stream"))
        for target in ["/v1/changes?wait=60", "/v1/export"] {
            try peer.write("HEAD \(target) HTTP/1.1\r\n\(authorization)\r\n")
            #expect(try peer.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
        }
        #expect(try peer.exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n").body.contains("ok"))
    }

    @Test("a user holds so many streams and polls and no more; one that its client leaves is free at once")
    func allowance() throws {
        let hub = try TestHub { $0.limits.streamsPerUserMax = 2 }
        let first = try hub.events()
        var second: StreamPeer? = try hub.events()
        _ = try second?.next("synced")
        let refusal = try hub.request("GET", "/v1/changes?wait=60")
        #expect(refusal.status == 429 && refusal.body.contains("\"rate_limited\""))
        #expect(refusal.head.contains("Retry-After: 1"))
        #expect(try hub.request("GET", "/v1/changes?wait=0", key: try hub.newKey(user: "bob")).status == 200)
        second = nil
        // The close is an event of its own, so it may come behind the request.
        var status = 429
        for _ in 0..<200 where status == 429 {
            status = try hub.events().status
            if status == 429 { Thread.sleep(forTimeInterval: 0.02) }
        }
        #expect(status == 200)
        _ = try first.next("synced")
    }

    @Test(
        "what is wrong with a request is told as a problem",
        arguments: [
            ("/v1/changes?cursor=x", 400, "bad_cursor"), ("/v1/changes?wait=61", 422, "bad_field"),
            ("/v1/changes?wait=-1", 422, "bad_field"), ("/v1/changes?wait=1e1", 422, "bad_field"),
            ("/v1/changes?limit=0", 422, "bad_field"), ("/v1/changes?kinds=%00", 422, "bad_id"),
            ("/v1/export?deleted=yes", 422, "bad_field"), ("/v1/export?namespaces=%0A", 422, "bad_id"),
            ("/v1/changes?cursor=c1.000000000000002b.00000000.1.00000000", 400, "bad_cursor"),
        ])
    func badParameters(_ target: String, _ status: Int, _ code: String) throws {
        let hub = try TestHub()
        let answer = try hub.request("GET", target, fields: TestHub.eventStream)
        #expect(answer.status == status && answer.body.contains("\"\(code)\""))
        #expect(answer.head.contains("application/problem+json"))
        #expect(try hub.request("POST", target).status == 405)
        #expect(try hub.request("GET", target, key: "car_nobody").status == 401)
    }

    @Test("a cursor of another life of the log is a resync")
    func resync() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        let stream = try hub.events()
        let cursor = try #require(try stream.next("synced").id)
        store.beginAnew()
        let answer = try hub.events(fields: "Last-Event-ID: \(cursor)\r\n")
        #expect(answer.status == 410)
    }

    @Test("a log that cannot be read for too long ends a stream with an error to come back after")
    func storeAway() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) { $0.limits.catchUpPatienceSeconds = 0 }
        store.failPages(after: 0)
        let stream = try hub.events()
        let event = try stream.next("error")
        #expect(event.json["code"] as? String == "store_unavailable" && event.json["retryable"] as? Bool == true)
        #expect(try stream.nextEvent() == nil && stream.isEnded)
    }

    @Test("a commit while the log is read for a stream comes behind what was read")
    func commitMeanwhile() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        try laptop.push([change("a", ["l": 1], 1)])
        store.holdPages(true)
        let stream = try hub.events()
        while store.pageCount < 1 { Thread.sleep(forTimeInterval: 0.01) }
        try laptop.push([change("b", ["l": 1], 1)], id: "q")
        store.holdPages(false)
        #expect(ids(try stream.changes(endsAtSynced: true)) == ["a", "b"])
        #expect(stream.gaps.isEmpty)
    }
}
