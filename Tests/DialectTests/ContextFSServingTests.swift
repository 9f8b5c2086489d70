import ContextFSDialect
import Foundation
import Hub
import HubTesting
import Storage
import Testing

/// One test for each point of "Serving it right" in the contract.
@Suite("ContextFS")
struct ContextFSServingTests {
    @Test(
        "serving it right 1: server_timestamp is a log position, and of a page the last that was delivered",
        arguments: HubStore.allCases)
    func positions(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        // The client's own time is years off, and decides nothing.
        try a.push((0..<5).map { a.memory("m\($0)", "c\($0)", updatedAt: "2001-01-01T00:00:00Z") })
        let first = try b.pull(limit: 3)
        #expect(first.ids() == ["m0", "m1", "m2"])
        #expect(first.flag("has_more"))
        let second = try b.pull(since: first.stamp, limit: 3)
        #expect(second.ids() == ["m3", "m4"])
        #expect(!second.flag("has_more"))
        let pushed = try a.push([a.memory("m5", "c5", updatedAt: "1999-01-01T00:00:00Z")])
        #expect(try b.pull(since: second.stamp).ids() == ["m5"])
        #expect(pushed.stamp > second.stamp)
        let third = try b.pull(since: pushed.stamp)
        #expect(third.ids().isEmpty && third.stamp == pushed.stamp)
    }

    @Test(
        "serving it right 2: memories, sessions and edges are one stream, and next_offset is opaque",
        arguments: HubStore.allCases)
    func oneStream(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        let clock = ["a": 1]
        try a.push(
            (0..<4).map { a.memory("m\($0)", "c\($0)") },
            sessions: (0..<3).map {
                ["id": "s\($0)", "vector_clock": clock, "tool": "x", "started_at": "2026-11-21T10:00:00"]
            },
            edges: (0..<3).map {
                ["id": "m0:m\($0):r", "from_id": "m0", "to_id": "m\($0)", "relation": "r", "vector_clock": clock]
            })
        var all: [String] = []
        var offset = 0
        var pages = 0
        while pages < 20 {
            let page = try b.pull(since: "1970-01-01T00:00:00Z", offset: offset, limit: 3)
            #expect(page.ids().count + page.ids("sessions").count + page.ids("edges").count <= 3)
            all += page.ids() + page.ids("sessions") + page.ids("edges")
            pages += 1
            guard page.flag("has_more") else { break }
            offset = page.number("next_offset")
        }
        #expect(pages == 4)
        #expect(all.count == 10 && Set(all).count == 10)
        let session = try #require(try b.pull().list("sessions").first)
        #expect(session.text("started_at") == "2026-11-21T10:00:00Z")
    }

    @Test(
        "serving it right 3: a push does not make the device skip what others pushed", arguments: HubStore.allCases)
    func pushSkipsNothing(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        let start = try b.pull()
        try a.push([a.memory("m1", "one")])
        let pushed = try b.push([b.memory("m2", "two")], since: start.stamp)
        #expect(try b.pull(since: pushed.stamp).ids() == ["m1"])
        // Of a device that has pulled nothing yet, too.
        let c = hub.peer("c")
        let first = try c.push([c.memory("m3", "three")])
        #expect(try c.pull(since: first.stamp).ids() == ["m1", "m2"])
    }

    @Test(
        "serving it right 3: an answer that got lost before a push is delivered again", arguments: HubStore.allCases)
    func lostAnswer(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        try a.push([a.memory("m0", "zero")])
        let known = try b.pull()
        try a.push([a.memory("m1", "one")])
        #expect(try b.pull(since: known.stamp).ids() == ["m1"])
        // Its answer is lost: the device still says `known`.
        let pushed = try b.push([b.memory("m2", "two")], since: known.stamp)
        #expect(try b.pull(since: pushed.stamp).ids() == ["m1"])
    }

    @Test(
        "serving it right 3: what is in conflict or refused leaves server_timestamp as it was",
        arguments: HubStore.allCases)
    func stampStays(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        try a.push([a.memory("m", "x", clock: ["a": 1])])
        let since = "2026-11-01T08:00:00.123456Z"
        let answer = try b.push([b.memory("m", "y", clock: ["b": 1]), b.memory("n", "z")], since: since)
        #expect(answer.stamp == since)
        #expect(answer.number("accepted") == 1)
        #expect(answer.list("conflicts").count == 1)
        #expect(answer.text("status") == "conflict")
        let conflict = try #require(answer.list("conflicts").first)
        #expect(conflict.text("client_content") == "y" && conflict.text("server_content") == "x")
        #expect(conflict["client_clock"] as? [String: Int] == ["b": 1])
        #expect(conflict["server_clock"] as? [String: Int] == ["a": 1])
    }

    @Test(
        "serving it right 4: clocks are stored as they were sent, and a repeated push changes nothing",
        arguments: HubStore.allCases)
    func repeats(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        let memory = a.memory("m", "x", clock: ["a": 3, "z": 2])
        try a.push([memory])
        let seen = try b.pull()
        #expect(seen.list("memories").first?["vector_clock"] as? [String: Int] == ["a": 3, "z": 2])
        let again = try a.push([memory])
        #expect(again.number("accepted") == 1 && again.flag("success") && again.text("status") == "success")
        let empty = try b.pull(since: seen.stamp)
        #expect(empty.ids().isEmpty && empty.stamp == seen.stamp)
        // An item without a clock loses nothing: what another device wrote stays beside it.
        let bare = try b.push([b.memory("m", "y", clock: [:])])
        #expect(bare.list("conflicts").count == 1)
    }

    @Test(
        "serving it right 5: of two simultaneous edits one is accepted and one is a conflict, always",
        arguments: HubStore.allCases)
    func simultaneousEdits(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let port = hub.hub.port
        let key = hub.hub.key
        try hub.peer("a").push((0..<10).map { hub.peer("a").memory("old\($0)", "x", clock: ["a": 1]) })
        for kind in ["old", "new"] {
            for round in 0..<10 {
                let bodies = try ["b", "c"].map { name in
                    let peer = hub.peer(name)
                    let clock = kind == "old" ? ["a": 1, name: 1] : [name: 1]
                    let item = peer.memory("\(kind)\(round)", name, clock: clock)
                    let fields: [String: Any] = ["device_id": name, "memories": [item]]
                    return String(decoding: try JSONSerialization.data(withJSONObject: fields), as: UTF8.self)
                }
                let answers = Mutexed<[(Int, String)]>([])
                DispatchQueue.concurrentPerform(iterations: 2) { index in
                    let answer = try? TestHub.request(port, key, "POST", "/api/sync/push", body: bodies[index])
                    answers.append((answer?.status ?? 0, answer?.body ?? ""))
                }
                let told = answers.value
                #expect(told.allSatisfy { $0.0 == 200 })
                #expect(told.count { $0.1.contains("\"accepted\":1") } == 1)
                #expect(told.count { $0.1.contains("\"status\":\"conflict\"") } == 1)
            }
        }
    }

    @Test(
        "serving it right 6: a diff tells a device that is behind from one that has an edit",
        arguments: HubStore.allCases)
    func diffKnowsHashes(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        try a.push([a.memory("m", "1", clock: ["a": 1]), a.memory("same", "s"), a.memory("gone", "g")])
        try a.push([a.memory("m", "2", clock: ["a": 2])])
        try a.push([a.memory("m", "3", clock: ["a": 3])])
        for hash in ["h-1", "h-2"] {
            let behind = try b.diff([b.entry("m", hash), b.entry("same", "h-s"), b.entry("gone", "h-g")])
            #expect(behind.list("missing_memories").map { $0.text("content") } == ["3"])
            #expect(behind.texts("server_missing_memory_ids").isEmpty)
            #expect(behind.number("total_updated") == 1)
        }
        let edited = try b.diff([b.entry("m", "h-mine"), b.entry("same", "h-s"), b.entry("gone", "h-g")])
        #expect(edited.ids("missing_memories").isEmpty)
        #expect(edited.texts("server_missing_memory_ids") == ["m"])
        let even = try b.diff([
            b.entry("m", "h-3"), b.entry("same", "h-s"), b.entry("gone", "h-g"), b.entry("own", "h-o"),
        ])
        #expect(even.ids("missing_memories").isEmpty && even.number("total_missing") == 0)
        #expect(even.texts("server_missing_memory_ids") == ["own"])
        #expect(try b.diff().ids("missing_memories") == ["gone", "m", "same"])
        // A version that is kept beside the head is known, too: its device is not asked for it for ever.
        try b.push([b.memory("m", "beside", clock: ["b": 1])])
        let beside = try b.diff([b.entry("m", "h-beside")])
        #expect(beside.texts("server_missing_memory_ids").isEmpty)
        #expect(beside.ids("missing_memories").contains("m"))
    }

    @Test(
        "serving it right 7: a manifest delete loses to a later edit and is a change otherwise",
        arguments: HubStore.allCases)
    func manifestDeletes(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        try a.push([
            a.memory("kept", "k", updatedAt: "2026-11-21T10:00:00Z"), a.memory("dead", "d"), a.memory("back", "x"),
        ])
        let seen = try b.pull()
        try a.push([a.memory("kept", "k2", clock: ["a": 2], updatedAt: "2026-11-21T12:00:00Z")])
        let when = "2026-11-21T11:00:00Z"
        let diff = try b.diff([
            b.entry("kept", "h-k", deletedAt: when), b.entry("dead", "h-d", deletedAt: when), b.entry("back", "h-x"),
        ])
        #expect(diff.list("missing_memories").map { $0.text("content") } == ["k2"])
        #expect(diff.texts("server_missing_memory_ids").isEmpty)
        let pulled = try a.pull(since: seen.stamp)
        let dead = try #require(pulled.list("memories").first { $0.text("id") == "dead" })
        #expect(dead.text("deleted_at") == "2026-11-21T11:00:00.000000Z")
        #expect(dead["content"] is String)
        #expect(try a.diff([a.entry("dead", "h-d")]).texts("deleted_memory_ids") == ["dead"])
        // Pushed again with the same hash it stays deleted.
        let again = try a.push([a.memory("dead", "d", clock: ["a": 2])])
        #expect(again.flag("success"))
        #expect(try hub.peer("c").pull().list("memories").first { $0.text("id") == "dead" }?["deleted_at"] is String)
        // A later edit wins, also when it comes after the deletion.
        try b.diff([b.entry("back", "h-x", deletedAt: when)])
        let edit = try a.push([a.memory("back", "x2", clock: ["a": 2], updatedAt: "2026-11-21T13:00:00Z")])
        #expect(edit.number("accepted") == 1 && edit.list("conflicts").isEmpty)
        let back = try #require(try hub.peer("d").pull().list("memories").first { $0.text("id") == "back" })
        #expect(back.text("content") == "x2" && back["deleted_at"] is NSNull)
    }

    @Test(
        "serving it right 8: nobody else's records and devices are reachable, readable or taken over",
        arguments: HubStore.allCases)
    func strangers(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let a = hub.peer("laptop")
        let s = hub.peer("laptop", key: try hub.user("stranger"))
        let edge: [String: Any] = [
            "id": "m:n:r", "from_id": "m", "to_id": "n", "relation": "r", "vector_clock": ["laptop": 1],
        ]
        try a.push([a.memory("m", "mine", visibility: "team_write")], edges: [edge])
        let taken = try s.push([s.memory("m", "theirs", clock: ["laptop": 9])], edges: [edge], force: true)
        #expect(taken.number("accepted") == 2 && taken.list("conflicts").isEmpty)
        #expect(try a.pull().list("memories").map { $0.text("content") } == ["mine"])
        #expect(try s.pull().list("memories").map { $0.text("content") } == ["theirs"])
        try s.diff([s.entry("m", "h-theirs", deletedAt: "2026-11-22T00:00:00Z")])
        #expect(try a.pull().list("memories").first?["deleted_at"] is NSNull)
        #expect(try a.status("/api/sync/status", [:]) == 200)
        #expect(try s.status("/api/sync/status", ["device_id": "phone"]) == 404)
        let open = try hub.hub.request("POST", "/api/sync/status", body: "{\"device_id\":\"laptop\"}", key: "none")
        #expect(open.status == 401)
        #expect(open.head.lowercased().contains("www-authenticate: apikey"))
        #expect(try hub.hub.request("DELETE", "/api/devices/laptop", key: s.key).status == 200)
        #expect(try a.status("/api/sync/status", [:]) == 200)
    }

    @Test(
        "serving it right 9: every field comes back as it was stored, unknown ones too", arguments: HubStore.allCases)
    func fields(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let (a, b) = (hub.peer("a"), hub.peer("b"))
        let floats = (0..<384).map { Double(Float($0) * 0.1 - 7.3) }
        let more: [String: Any] = [
            "metadata": ["nested": ["deep": [1, 2.5, "\u{1F514}"]], "_vector_clock": ["a": 1]], "encrypted": true,
            "session_id": "s1", "source_file": "/x", "source_repo": "/r", "source_tool": "t", "project": "p",
            "repo_url": "git@x", "repo_name": "n", "relative_path": "f", "summary": "sum", "type": "agent_run",
            "embedding": floats, "x_future": ["kept": true], "namespace_id": "proj",
        ]
        let sent = a.memory("m", "b64==", hash: "0123456789abcdef", visibility: "team_read", more)
        try a.push([sent, a.memory("nohash", "plain", ["content_hash": NSNull()])])
        let memories = try b.pull().list("memories")
        let got = try #require(memories.first { $0.text("id") == "m" })
        for (name, value) in sent where name != "updated_at" && name != "embedding" {
            #expect(NSDictionary(dictionary: [name: value]) == NSDictionary(dictionary: [name: got[name] ?? "absent"]))
        }
        let back = try #require(got["embedding"] as? [Double])
        #expect(back.map { Float($0).bitPattern } == floats.map { Float($0).bitPattern })
        let hashed = try #require(memories.first { $0.text("id") == "nohash" })
        #expect(hashed.text("content_hash") == "a116c9f1a3c08f5c" || hashed.text("content_hash").count == 16)
        #expect(hashed["embedding"] is NSNull)
        #expect(try b.pull(namespaces: ["proj"]).ids() == ["m"])
    }

    @Test(
        "serving it right 9: team_read does not let a teammate write, team_write does", arguments: HubStore.allCases)
    func teams(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let a = hub.peer("laptop")
        let t = hub.peer("tablet", key: try hub.user("tess"))
        try hub.team(["ada", "tess"])
        try a.push([
            a.memory("secret", "s", visibility: "private"), a.memory("shown", "r", visibility: "team_read"),
            a.memory("open", "w", visibility: "team_write"),
        ])
        let seen = try t.pull()
        #expect(seen.ids() == ["open", "shown"])
        let clock = ["laptop": 1, "tablet": 1]
        let answer = try t.push([
            t.memory("shown", "r2", clock: clock), t.memory("open", "w2", clock: clock),
            t.memory("secret", "own", clock: ["tablet": 1]),
        ])
        #expect(answer.number("accepted") == 2 && answer.number("rejected") == 1)
        let refused = try #require(answer.list("rejected_items").first)
        #expect(refused.text("entity_id") == "shown" && refused.text("reason").contains("only they"))
        let mine = Dictionary(uniqueKeysWithValues: try a.pull().list("memories").map { ($0.text("id"), $0) })
        #expect(mine["shown"]?.text("content") == "r")
        #expect(mine["open"]?.text("content") == "w2" && mine["open"]?.text("visibility") == "team_write")
        #expect(mine["secret"]?.text("content") == "s")
        // What is shown no more is told as deleted, with nothing of its content.
        let note = try t.pull(since: seen.stamp)
        try a.push([a.memory("shown", "hidden now", clock: ["laptop": 2], visibility: "private")])
        let hidden = try #require(try t.pull(since: note.stamp).list("memories").first)
        #expect(hidden.text("id") == "shown" && hidden["deleted_at"] is String && hidden.text("content").isEmpty)
        // Whatever the device holds, and none of it confirms what the record is now or was.
        for hash in ["h-r", "h-hidden now", "h-guess"] {
            let diff = try t.diff([t.entry("shown", hash), t.entry("secret", "h-own")])
            #expect(diff.texts("deleted_memory_ids") == ["shown"])
            #expect(diff.texts("server_missing_memory_ids").isEmpty)
        }
    }

    @Test("a user makes so many keys and no more, revoked or not")
    func keyLimit() throws {
        let hub = try TestHub {
            $0.dialects = [MountedDialect(ContextFSDialect())]
            $0.limits.keysPerUserMax = 4
        }
        for number in 0..<3 {
            let made = try hub.request("POST", "/api/auth/api-keys", body: #"{"name":"k"}"#)
            #expect(made.status == 200)
            let id = made.body.split(separator: "\"id\":\"").last.map { String($0.prefix { $0 != "\"" }) } ?? ""
            let revoked = try hub.request("POST", "/api/auth/api-keys/revoke", body: #"{"key_id":"\#(id)"}"#)
            #expect(revoked.status == 200, "\(number)")
        }
        let refused = try hub.request("POST", "/api/auth/api-keys", body: #"{"name":"k"}"#)
        #expect(refused.status == 403 && refused.body.contains("has had 4 keys"))
    }

    @Test("a device of the longest name is not told what it wrote itself in a teammate's space")
    func longNames() throws {
        let hub = try ContextFSHub(.sqlite)
        let a = hub.peer("laptop")
        let t = hub.peer(String(repeating: "t", count: 255), key: try hub.user("tess"))
        try hub.team(["ada", "tess"])
        try a.push([a.memory("m", "1", visibility: "team_write")])
        let seen = try t.pull()
        let pushed = try t.push([t.memory("m", "2", clock: ["laptop": 1, "tablet": 1])], since: seen.stamp)
        #expect(pushed.number("accepted") == 1)
        #expect(try t.pull(since: pushed.stamp).ids().isEmpty)
    }

    @Test(
        "serving it right 10: one bad item is refused alone, with its id and its reason", arguments: HubStore.allCases)
    func badItems(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let a = hub.peer("a")
        func item(_ id: String, _ fields: String) -> String {
            "{\"id\":\"\(id)\",\"vector_clock\":{\"a\":1},\"content\":\"c\",\(fields)}"
        }
        let items = [
            item("good1", "\"type\":\"fact\""),
            item("nul", "\"summary\":\"a\\u0000b\""),
            item("escaped", "\"summary\":\"a\\\\u0000b\""),
            item("nan", "\"embedding\":[NaN,1]"),
            item("size", "\"embedding\":[1,2,3]"),
            item("range", "\"embedding\":[\((0..<384).map { _ in "1e39" }.joined(separator: ","))]"),
            item("twice", "\"type\":\"fact\""), item("twice", "\"type\":\"code\""),
            item("type", "\"type\":\"sonnet\""),
            "{\"id\":\"negative\",\"content\":\"c\",\"vector_clock\":{\"a\":-1}}",
            "{\"id\":\"nocontent\",\"vector_clock\":{\"a\":1}}",
            "{\"id\":\"date\",\"content\":\"c\",\"updated_at\":\"yesterday\"}",
            "{\"id\":\"spelled\",\"content\":\"c\",\"\\u0069d\":\"other\"}",
            "17", "{\"content\":\"no id\"}",
            item("good2", "\"type\":\"doc\""),
        ]
        let body = "{\"memories\":[\(items.joined(separator: ","))],\"device_id\":\"a\",\"force\":false}"
        let answer = try a.raw("/api/sync/push", body)
        #expect(answer.status == 200)
        let json = try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
        #expect(json.number("accepted") == 4, "\(answer.body)")
        #expect(json.number("rejected") == 12)
        #expect(json.text("status") == "partial")
        let refused = json.list("rejected_items")
        #expect(
            Set(refused.map { $0.text("entity_id") })
                == ["nul", "nan", "size", "range", "twice", "type", "negative", "nocontent", "date", "other", ""])
        #expect(refused.allSatisfy { !$0.text("reason").isEmpty })
        #expect(try hub.peer("b").pull().ids() == ["escaped", "good1", "good2", "twice"])
    }

    @Test(
        "serving it right 10: limits and offsets out of range are 422 in FastAPI's form", arguments: HubStore.allCases)
    func ranges(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let a = hub.peer("a")
        for (name, value) in [
            ("limit", "-1"), ("limit", "99999999999"), ("offset", "-5"), ("offset", "99999999999999999999"),
        ] {
            let answer = try a.raw("/api/sync/pull", "{\"device_id\":\"a\",\"\(name)\":\(value)}")
            #expect(answer.status == 422)
            let json = try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
            let detail = try #require(json.list("detail").first)
            #expect(detail["loc"] as? [String] == ["body", name])
            #expect(detail["msg"] is String && detail["type"] is String && detail["input"] != nil)
        }
        #expect(try a.raw("/api/sync/pull", "{}").status == 422)
        #expect(try a.raw("/api/sync/pull", "{\"device_id\"").status == 422)
    }

    @Test("a body that ends early stores nothing", arguments: HubStore.allCases)
    func truncated(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let a = hub.peer("a")
        let item = "{\"id\":\"m\",\"content\":\"c\",\"vector_clock\":{\"a\":1}}"
        for body in [
            "{\"device_id\":\"a\",\"memories\":[\(item)", "{\"device_id\":\"a\",\"memories\":[\(item)],",
            "{\"device_id\":\"a\",\"memories\":[\(item),{\"id\":\"n\"", "{\"memories\":[\(item)}]}",
        ] {
            #expect(try a.raw("/api/sync/push", body).status == 422)
        }
        #expect(try a.raw("/api/sync/push", "{\"memories\":[\(item)]}").status == 422)
        let peer = try SocketPeer(port: hub.hub.port)
        try peer.write(
            "POST /api/sync/push HTTP/1.1\r\nHost: x\r\nX-API-Key: \(hub.hub.key)\r\nContent-Length: 500\r\n\r\n"
                + "{\"device_id\":\"a\",\"memories\":[\(item)],")
        #expect(try a.pull().ids().isEmpty)
    }
}

/// A value that threads share.
final class Mutexed<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var content: Value

    init(_ value: Value) { content = value }

    var value: Value { lock.withLock { content } }
}

extension Mutexed where Value: RangeReplaceableCollection {
    func append(_ element: Value.Element) { lock.withLock { content.append(element) } }
}
