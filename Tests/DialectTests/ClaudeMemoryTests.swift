import Causality
import Foundation
import Hub
import HubTesting
import SQLiteStore
import Storage
import Testing

@testable import ClaudeMemoryDialect

/// A client of claude-memory beside the hub's own devices.
@Suite("claude-memory")
struct ClaudeMemoryTests {
    static func hub(_ store: any Store) throws -> TestHub {
        try TestHub(store: store) { $0.dialects = [MountedDialect(ClaudeMemoryDialect())] }
    }

    @Test(
        "the contract's exchanges are answered as they are written",
        arguments: HubStore.allCases, ["claude-memory-rows", "claude-memory-bad-input", "claude-memory-redaction"])
    func exchanges(store: HubStore, name: String) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        try ExchangeVectors.load(name).replay(on: hub)
    }

    @Test("a native device hears of a POST, a PUT and a DELETE at once", arguments: HubStore.allCases)
    func nativeDeviceHears(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let device = try hub.device("laptop")
        try device.catchUp()
        let id = try hub.add(#"{"content":"Ada prefers tabs","importance":0.9}"#)
        let posted = try #require(try device.changes(count: 1).first)
        #expect(posted["kind"] as? String == "memory")
        #expect(posted["namespace"] as? String == "claude-memory")
        #expect(posted["id"] as? String == String(id))
        #expect((posted["body"] as? [String: Any])?["content"] as? String == "Ada prefers tabs")
        #expect(try hub.request("PUT", "/api/memories/\(id)", body: #"{"tags":"a,b"}"#).status == 200)
        let edited = try #require(try device.changes(count: 1).first)
        #expect((edited["body"] as? [String: Any])?["tags"] as? String == "a,b")
        #expect(try hub.request("DELETE", "/api/memories/\(id)").status == 200)
        let deleted = try #require(try device.changes(count: 1).first)
        #expect(deleted["deleted"] as? Bool == true)
        #expect((deleted["body"] as? [String: Any])?["content"] as? String == "")
        #expect(device.gaps.isEmpty)
    }

    @Test("what a native device writes is in the next incremental pull", arguments: HubStore.allCases)
    func nativeEditsAreRows(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let id = try hub.add(#"{"content":"Ada prefers tabs"}"#)
        let (_, since) = try hub.rows()
        let device = try hub.device("laptop")
        let stored = try #require(try device.catchUp().first)
        var body = try #require(stored["body"] as? [String: Any])
        var clock = try #require(stored["clock"] as? [String: Int])
        clock[device.replica] = 1
        body["content"] = "Ada prefers spaces"
        body["colour"] = "blue"
        try device.pushRow(String(id), clock, body)
        let (edited, then) = try hub.rows(since: since)
        #expect(edited.count == 1)
        #expect(edited.first?["id"] as? Int64 == id)
        #expect(edited.first?["content"] as? String == "Ada prefers spaces")
        #expect(edited.first?["created_at"] as? String == body["created_at"] as? String)
        // A field that is none of a row's outlives a client's edit.
        #expect(try hub.request("PUT", "/api/memories/\(id)", body: #"{"tags":"x"}"#).status == 200)
        let after = try #require(try device.changes(count: 1).first?["body"] as? [String: Any])
        #expect(after["colour"] as? String == "blue")
        #expect(try hub.rows(since: then).rows.first?["tags"] as? String == "x")
    }

    @Test("a native record that lacks a row's fields has them in the pull", arguments: HubStore.allCases)
    func nativeRecordsAreWholeRows(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let device = try hub.device("laptop")
        try device.catchUp()
        try device.pushRow("7", [device.replica: 1], ["content": "bare"])
        try device.pushRow("8", [device.replica: 1], [1, 2])
        try device.pushRow("9223372036854775807", [device.replica: 1], ["content": "last", "importance": 0.9])
        let (rows, _) = try hub.rows()
        #expect(rows.map { $0["id"] as? Int64 } == [7, 8, Int64.max])
        for row in rows {
            #expect(row["content"] is String && row["category"] is String && row["importance"] is NSNumber)
            #expect(row["updated_at"] is String && row["deleted_at"] is NSNull)
        }
        // They are rows like others.
        #expect(try hub.request("PUT", "/api/memories/7", body: #"{"content":"dressed"}"#).status == 200)
        #expect(try hub.add(#"{"content":"dressed"}"#) == 7)
        #expect(try hub.request("DELETE", "/api/memories/8").status == 200)
    }

    @Test("what is no row is left out", arguments: HubStore.allCases)
    func othersAreLeftOut(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let device = try hub.device("laptop")
        try device.catchUp()
        for id in ["0", "-1", "007", "+7", "x", "9223372036854775808", "1.0", "0x1", " 1"] {
            try device.pushRow(id, [device.replica: 1], ["content": id])
        }
        var foreign = change("5", [device.replica: 1], ["content": "of another dialect"], kind: "memory")
        foreign["namespace"] = "global"
        try device.push([foreign, change("6", [device.replica: 1], ["content": "a note"])])
        let (rows, _) = try hub.rows(since: "0")
        #expect(rows.isEmpty)
        #expect(try hub.request("DELETE", "/api/memories/5").status == 404)
        #expect(try hub.request("PUT", "/api/memories/5", body: #"{"content":"x"}"#).status == 404)
        #expect(
            try hub.store.record(RecordKey(space: hub.space(), kind: "memory", id: "5"))?.head.change.isDeleted == false
        )
    }

    @Test("a pull of many rows has each of them once", arguments: HubStore.allCases)
    func longPulls(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let device = try hub.device("laptop")
        try device.catchUp()
        let ids = Array(1...1_234)
        try device.push(
            ids.map { id in
                var row = change(String(id), [device.replica: 1], ["content": "row \(id)"], kind: "memory")
                row["namespace"] = "claude-memory"
                return row
            })
        let (rows, time) = try hub.rows()
        #expect(rows.compactMap { ($0["id"] as? Int64).map(Int.init) }.sorted() == ids)
        #expect(try hub.rows(since: time).rows.isEmpty)
        #expect(try hub.rows(since: "0").rows.count == ids.count)
    }

    @Test("a prefix holds for every path")
    func prefix() throws {
        let hub = try TestHub { $0.dialects = [MountedDialect(ClaudeMemoryDialect(), prefix: "/memory")] }
        #expect(try hub.request("GET", "/memory/health", key: "").body == #"{"status":"ok"}"#)
        #expect(try hub.request("GET", "/memory/api/auth-check").status == 200)
        #expect(try hub.request("GET", "/api/auth-check").status == 404)
    }

    @Test("without redaction everything is stored as it came")
    func redactionIsOptional() throws {
        let hub = try TestHub { $0.dialects = [MountedDialect(ClaudeMemoryDialect(redacts: false))] }
        _ = try hub.add(#"{"content":"password=hunter2"}"#)
        #expect(try hub.rows().rows.first?["content"] as? String == "password=hunter2")
        #expect(try hub.rows().rows.first?["is_sensitive"] as? Bool == false)
    }

    @Test("a credential never reaches the disk")
    func credentialsStayOffTheDisk() throws {
        let folder = URL(filePath: NSTemporaryDirectory() + "carillon-secret-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let hub = try ClaudeMemoryTests.hub(SQLiteStore(path: folder.appending(path: "store.db").path))
        let id = try hub.add(#"{"content":"password=hunter2-open-sesame","tags":"password=hunter2-open-sesame"}"#)
        let edit = #"{"content":"the new password=hunter2-open-sesame"}"#
        #expect(try hub.request("PUT", "/api/memories/\(id)", body: edit).status == 200)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let bytes = try Data(contentsOf: folder.appending(path: name))
            #expect(bytes.firstRange(of: Data("open-sesame".utf8)) == nil, "\(name)")
            if name == "store.db-wal" { #expect(bytes.firstRange(of: Data("[REDACTED:password]".utf8)) != nil) }
        }
    }

    @Test("nothing of a deleted row's content stays", arguments: HubStore.allCases)
    func deletionsForget(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let id = try hub.add(#"{"content":"a secret place","tags":"cellar"}"#)
        #expect(try hub.request("PUT", "/api/memories/\(id)", body: #"{"content":"another place"}"#).status == 200)
        #expect(try hub.request("DELETE", "/api/memories/\(id)").status == 200)
        let page = try hub.store.page(PageQuery(space: hub.space(), after: .start))
        #expect(page.entries.filter { !$0.change.isDeleted }.isEmpty)
        for entry in page.entries {
            let body = String(decoding: entry.change.body, as: UTF8.self)
            #expect(!body.contains("place") && !body.contains("cellar"))
        }
    }

    @Test("X-Device-Id names the device, else the key does", arguments: HubStore.allCases)
    func deviceNames(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        _ = try hub.request("POST", "/api/memories", body: #"{"content":"a"}"#, fields: "X-Device-Id: desk-1\r\n")
        _ = try hub.add(#"{"content":"b"}"#)
        let key = try #require(APIKey(hub.key))
        let authors = try hub.store.page(PageQuery(space: hub.space(), after: .start)).entries.map(\.author.text)
        #expect(authors == ["desk-1", "claude-memory.\(key.prefix)"])
        let long = String(repeating: "x", count: 257)
        #expect(try hub.request("GET", "/api/memories/sync", fields: "X-Device-Id: \(long)\r\n").status == 400)
    }
}

extension TestHub {
    /// POSTs a row; its id.
    func add(_ body: String, key: String? = nil) throws -> Int64 {
        let answer = try request("POST", "/api/memories", body: body, key: key)
        guard answer.status == 200,
            let object = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any],
            let id = object["id"] as? Int64
        else { throw SocketPeer.Failure(description: "\(answer.status) \(answer.body)") }
        return id
    }

    /// What a pull tells.
    func rows(since: String? = nil) throws -> (rows: [[String: Any]], serverTime: String) {
        try TestHub.rows(port, key, since: since)
    }

    static func rows(
        _ port: UInt16, _ key: String, since: String?
    ) throws -> (rows: [[String: Any]], serverTime: String) {
        let target = "/api/memories/sync" + (since.map { "?since=\($0)" } ?? "")
        let answer = try TestHub.request(port, key, "GET", target)
        guard answer.status == 200,
            let object = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any],
            let rows = object["memories"] as? [[String: Any]], let time = object["server_time"] as? String
        else { throw SocketPeer.Failure(description: "\(answer.status) \(answer.body)") }
        return (rows, time)
    }

    func space() throws -> Identifier {
        try #require(try store.accounts.user(named: "ada")).space
    }
}

extension TestDevice {
    /// Pushes a record as this dialect keeps its rows.
    func pushRow(_ id: String, _ clock: [String: Int], _ body: Any) throws {
        var row = change(id, clock, body, kind: "memory")
        row["namespace"] = "claude-memory"
        let verdict = try push([row]).first?["verdict"] as? String
        #expect(verdict == "accepted")
    }
}
