import Foundation
import Hub
import HubTesting
import Testing

@Suite("Exports", .timeLimit(.minutes(5)))
struct ExportTests {
    private struct Lines {
        let entries: [[String: Any]]
        let cursor: String?
        let count: Int?

        var ids: [String] { entries.compactMap { $0["id"] as? String } }
    }

    private func lines(_ stream: StreamPeer) throws -> Lines {
        var objects = try stream.readToEnd().split(separator: UInt8(ascii: "\n")).map {
            try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] ?? [:]
        }
        let last = objects.last?["count"] == nil ? [:] : objects.removeLast()
        return Lines(entries: objects, cursor: last["cursor"] as? String, count: last["count"] as? Int)
    }

    private func laptop(_ hub: TestHub) throws -> TestDevice {
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        return laptop
    }

    @Test("every entry is a line, siblings marked, and the last line says how many and where to go on")
    func lines() throws {
        let hub = try TestHub { $0.limits.pageEntriesMax = 7 }
        let laptop = try laptop(hub)
        try laptop.push((0..<50).map { change("\($0)", ["l": 1], $0, kind: $0 % 2 == 0 ? "even" : "odd") })
        try laptop.push([change("0", ["m": 1], "other", kind: "even")], id: "q")
        let stream = try hub.export()
        #expect(stream.status == 200 && stream.head.contains("Content-Type: application/x-ndjson"))
        let read = try lines(stream)
        #expect(stream.isEnded && read.count == 51 && read.entries.count == 51)
        #expect(read.entries.filter { $0["sibling"] as? Bool == true }.compactMap { $0["id"] as? String } == ["0"])
        #expect(try lines(try hub.export("?kinds=odd&namespaces=default")).count == 25)
        #expect(try lines(try hub.export("?namespaces=elsewhere")).count == 0)
        let cursor = try #require(read.cursor)
        #expect(try hub.request("GET", "/v1/pull?cursor=\(cursor)").body.contains("\"changes\":[]"))
    }

    @Test("deletions are exported when they are asked for, and only then")
    func deletions() throws {
        let hub = try TestHub()
        try laptop(hub).push([
            change("a", ["l": 1], 1), ["kind": "note", "id": "b", "clock": ["l": 1], "deleted": true],
        ])
        #expect(try lines(try hub.export()).ids == ["a"])
        #expect(try lines(try hub.export("?deleted=false")).ids == ["a"])
        #expect(try lines(try hub.export("?deleted=true")).ids == ["a", "b"])
    }

    @Test("line ends in a body's white space do not cut its line")
    func lineEnds() throws {
        let hub = try TestHub()
        let laptop = try laptop(hub)
        let body = "{\n  \"a\":\r\n [1]\n}"
        try laptop.send(
            text: #"{"type":"push","id":"p","changes":[{"kind":"n","id":"a","clock":{"l":1},"body":\#(body)}]}"#)
        _ = try laptop.next("pushed")
        let read = try lines(try hub.export())
        #expect(read.count == 1 && read.entries.count == 1)
        #expect((read.entries[0]["body"] as? [String: Any])?.keys.first == "a")
    }

    @Test("an export that is written to holds every record, whatever moves meanwhile")
    func writtenTo() throws {
        let hub = try TestHub {
            $0.limits.pageEntriesMax = 5
            $0.limits.outboxBytesMax = 64 << 10
        }
        let laptop = try laptop(hub)
        let text = String(repeating: "x", count: 10_000)
        for round in 0..<20 {
            try laptop.push((0..<10).map { change("\(round)-\($0)", ["l": 1], text) }, id: "\(round)")
        }
        // It reads little by little, so that the export is in the middle while records move.
        let stream = try hub.export(receiveBufferBytes: 4_096)
        for round in 0..<20 {
            try laptop.push((0..<3).map { change("\(round)-\($0)", ["l": 2], text) }, id: "again \(round)")
        }
        let read = try lines(stream)
        #expect(stream.isEnded && read.count == read.entries.count)
        #expect(Set(read.ids).count == 200)
        let newest = Dictionary(read.entries.map { ($0["id"] as? String ?? "", $0) }) { $1 }
        let moved = newest.filter { ($0.value["clock"] as? [String: Int]) == ["l": 2] }
        let rest = try hub.request("GET", "/v1/pull?cursor=\(try #require(read.cursor))").body
        let missing = (0..<20).flatMap { round in (0..<3).map { "\(round)-\($0)" } }.filter { moved[$0] == nil }
        #expect(missing.allSatisfy { rest.contains("\"id\":\"\($0)\"") })
    }

    @Test("pages are read as the client takes them, and not before")
    func backPressure() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) {
            $0.limits.outboxBytesMax = 64 << 10
            $0.limits.pageBytesMax = 64 << 10
            $0.limits.sweepSeconds = 1
        }
        let laptop = try laptop(hub)
        let text = String(repeating: "x", count: 20_000)
        for round in 0..<20 {
            try laptop.push((0..<50).map { change("\(round)-\($0)", ["l": 1], text) }, id: "\(round)")
        }
        let stream = try hub.export(receiveBufferBytes: 4_096)
        var before = -1
        while store.pageCount != before {
            before = store.pageCount
            Thread.sleep(forTimeInterval: 0.5)
        }
        // 20 MB are 300 pages; the kernel's buffers take some.
        #expect(before < 150)
        let read = try lines(stream)
        #expect(stream.isEnded && read.count == 1_000 && store.pageCount > 200)
    }

    @Test("an export that cannot go on is a body without its end", arguments: [true, false])
    func cutOff(_ beginsAnew: Bool) throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) {
            $0.limits.outboxBytesMax = 32 << 10
            $0.limits.pageBytesMax = 32 << 10
        }
        let laptop = try laptop(hub)
        let text = String(repeating: "x", count: 30_000)
        for round in 0..<20 {
            try laptop.push((0..<20).map { change("\(round)-\($0)", ["l": 1], text) }, id: "\(round)")
        }
        let stream = try hub.export(receiveBufferBytes: 4_096)
        if beginsAnew { store.beginAnew() } else { store.failPages(after: 3) }
        let body = String(decoding: try stream.readToEnd(), as: UTF8.self)
        #expect(stream.isClosed && !stream.isEnded)
        #expect(!body.contains("\"count\""))
    }

    @Test("a store that is away at the beginning is a problem")
    func storeAway() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store)
        store.failPages(after: 0)
        let answer = try hub.request("GET", "/v1/export")
        #expect(answer.status == 503 && answer.body.contains("\"store_unavailable\""))
    }

    @Test("HTTP/1.0 gets the lines without chunks")
    func untilClose() throws {
        let hub = try TestHub()
        try laptop(hub).push([change("a", ["l": 1], 1)])
        let stream = try hub.export(version: "1.0")
        #expect(!stream.head.contains("chunked"))
        #expect(try lines(stream).count == 1)
    }

    @Test("a connection goes on after an export")
    func keepAlive() throws {
        let hub = try TestHub()
        try laptop(hub).push([change("a", ["l": 1], 1)])
        let stream = try hub.export()
        #expect(try lines(stream).count == 1)
        #expect(try stream.peer.exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    }

    @Test("a revoked key cuts an export off")
    func revoked() throws {
        let hub = try TestHub {
            $0.limits.revocationSeconds = 1
            $0.limits.outboxBytesMax = 32 << 10
            $0.limits.pageBytesMax = 32 << 10
        }
        let laptop = try laptop(hub)
        let text = String(repeating: "x", count: 30_000)
        for round in 0..<20 {
            try laptop.push((0..<20).map { change("\(round)-\($0)", ["l": 1], text) }, id: "\(round)")
        }
        let stream = try hub.export(receiveBufferBytes: 4_096)
        #expect(try hub.accounts.revokeKey(prefix: String(hub.key.dropFirst(4).prefix(8))))
        Thread.sleep(forTimeInterval: 2.5)
        _ = try stream.readToEnd()
        #expect(stream.isClosed && !stream.isEnded)
    }

    @Test("a client that takes nothing for too long is given up")
    func silentReader() throws {
        let hub = try TestHub {
            $0.limits.idleSeconds = 1
            $0.limits.sweepSeconds = 1
            $0.limits.outboxBytesMax = 32 << 10
            $0.limits.streamsPerUserMax = 1
        }
        let laptop = try laptop(hub)
        let text = String(repeating: "x", count: 30_000)
        for round in 0..<20 {
            try laptop.push((0..<20).map { change("\(round)-\($0)", ["l": 1], text) }, id: "\(round)")
        }
        let stream = try hub.export(receiveBufferBytes: 4_096)
        var status = 429
        for _ in 0..<200 where status == 429 {
            Thread.sleep(forTimeInterval: 0.1)
            status = try hub.request("GET", "/v1/changes?wait=0").status
        }
        #expect(status == 200)
        _ = try stream.readToEnd()
        #expect(stream.isClosed && !stream.isEnded)
    }
}
