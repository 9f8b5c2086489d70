import Causality
import Dispatch
import Foundation
import HubTesting
import Reactor
import Storage
import Testing

@Suite("WatermelonDB push", .timeLimit(.minutes(5)))
struct WatermelonDBPushTests {
    static func tasks(created: String = "", updated: String = "", deleted: String = "") -> String {
        #"{"tasks":{"created":[\#(created)],"updated":[\#(updated)],"deleted":[\#(deleted)]}}"#
    }

    @Test("both request forms are taken", arguments: HubStore.allCases)
    func forms(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        #expect(try hub.push(Self.tasks(created: #"{"id":"a"}"#), since: nil).body == #"{"ok":true}"#)
        let now = try hub.pull(nil).timestamp
        let seed = #"{"changes":\#(Self.tasks(created: #"{"id":"b"}"#)),"last_pulled_at":\#(now)}"#
        let answer = try hub.request("POST", "/sync", body: seed, fields: "Content-Type: application/json\r\n")
        #expect(answer.status == 200 && answer.body == #"{"ok":true}"#)
        #expect(try hub.pull(nil).ids(\.created) == ["a", "b"])
    }

    @Test("created on an existing row is an update", arguments: HubStore.allCases)
    func createdExists(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Self.tasks(created: #"{"id":"a","n":1}"#), since: nil)
        let now = try hub.pull(nil).timestamp
        #expect(try hub.push(Self.tasks(created: #"{"id":"a","n":2}"#), since: now, device: "tablet").status == 200)
        #expect(try hub.pull(nil).changes["tasks"]?.created == [["id": .string("a"), "n": .integer(2)]])
    }

    @Test("updated on an unknown row makes it", arguments: HubStore.allCases)
    func updatedUnknown(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        #expect(try hub.push(Self.tasks(updated: #"{"id":"a","n":2}"#), since: nil).status == 200)
        #expect(try hub.pull(nil).ids(\.created) == ["a"])
    }

    @Test("updated on a deleted row is refused, also where the deletion was seen", arguments: HubStore.allCases)
    func updatedDeleted(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        for device in ["phone", nil] {
            try hub.push(Self.tasks(created: #"{"id":"a"}"#), since: hub.pull(nil).timestamp, device: device)
            try hub.push(Self.tasks(deleted: #""a""#), since: hub.pull(nil).timestamp, device: device)
            let now = try hub.pull(nil).timestamp
            let answer = try hub.push(
                Self.tasks(created: #"{"id":"b"}"#, updated: #"{"id":"a","n":2}"#), since: now, device: device)
            #expect(answer.status == 409)
            #expect(answer.body.contains(#""conflicts":{"tasks":["a"]}"#))
            #expect(try hub.pull(nil).changes.isEmpty)
        }
    }

    @Test("deleting what is not there is ignored", arguments: HubStore.allCases)
    func deletedUnknown(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let before = try hub.pull(nil).timestamp
        #expect(try hub.push(Self.tasks(deleted: #""ghost""#), since: before).body == #"{"ok":true}"#)
        #expect(try hub.pull(before).changes.isEmpty)
    }

    @Test("a row that another device changed since is a conflict, and nothing is applied", arguments: HubStore.allCases)
    func conflict(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Self.tasks(created: #"{"id":"a","n":1},{"id":"b","n":1}"#), since: nil)
        let seen = try hub.pull(nil, device: "tablet").timestamp
        try hub.push(Self.tasks(updated: #"{"id":"a","n":2}"#), since: seen)
        let both = #"{"id":"b","n":3},{"id":"a","n":3}"#
        let answer = try hub.push(Self.tasks(created: #"{"id":"c"}"#, updated: both), since: seen, device: "tablet")
        #expect(answer.status == 409)
        #expect(answer.body.contains(#""error":"conflict""#) && answer.body.contains(#""conflicts":{"tasks":["a"]}"#))
        let rows = try hub.pull(nil).changes["tasks"]?.created
        #expect(rows?.map { $0["n"] } == [.integer(1), .integer(2)])
        // Conflicts are of the pushed rows only: `b` alone goes through.
        #expect(try hub.push(Self.tasks(updated: #"{"id":"b","n":3}"#), since: seen, device: "tablet").status == 200)
    }

    @Test("a row that another device deleted since is a conflict for who edits it", arguments: HubStore.allCases)
    func conflictWithDeletion(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Self.tasks(created: #"{"id":"a","n":1}"#), since: nil)
        let seen = try hub.pull(nil, device: "tablet").timestamp
        try hub.push(Self.tasks(deleted: #""a""#), since: seen)
        #expect(try hub.push(Self.tasks(updated: #"{"id":"a","n":2}"#), since: seen, device: "tablet").status == 409)
        #expect(try hub.push(Self.tasks(created: #"{"id":"a","n":2}"#), since: seen, device: "tablet").status == 409)
        // Both deleted it: there is nothing to resolve.
        #expect(try hub.push(Self.tasks(deleted: #""a""#), since: seen, device: "tablet").status == 200)
    }

    @Test("a deletion of a row that another device edited since is a conflict", arguments: HubStore.allCases)
    func conflictOfDeletion(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Self.tasks(created: #"{"id":"a","n":1}"#), since: nil)
        let seen = try hub.pull(nil, device: "tablet").timestamp
        try hub.push(Self.tasks(updated: #"{"id":"a","n":2}"#), since: seen)
        for device in ["tablet", nil] {
            #expect(try hub.push(Self.tasks(deleted: #""a""#), since: seen, device: device).status == 409)
        }
        #expect(try hub.pull(nil).ids(\.created) == ["a"])
    }

    @Test("a push that comes again is no conflict with itself", arguments: HubStore.allCases)
    func repeated(store: HubStore) throws {
        for device in ["phone", nil] {
            let hub = try TestHub.watermelon(store)
            try hub.push(Self.tasks(created: #"{"id":"u","n":1},{"id":"d"}"#), since: nil, device: device)
            let seen = try hub.pull(nil, device: device).timestamp
            let push = Self.tasks(created: #"{"id":"c"}"#, updated: #"{"id":"u","n":2}"#, deleted: #""d""#)
            #expect(try hub.push(push, since: seen, device: device).status == 200)
            let head = try hub.pull(nil, device: device).timestamp
            #expect(try hub.push(push, since: seen, device: device).status == 200)
            // The columns in another order, as after a start of the app: the same content.
            let shuffled = Self.tasks(created: #"{"id":"c"}"#, updated: #"{"n":2, "id":"u"}"#, deleted: #""d""#)
            #expect(try hub.push(shuffled, since: seen, device: device).status == 200)
            #expect(try hub.pull(nil, device: device).timestamp == head)
        }
    }

    @Test("a device may edit on what it pushed before the answer came", arguments: HubStore.allCases)
    func editedMeanwhile(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Self.tasks(created: #"{"id":"a","n":1}"#), since: nil)
        #expect(try hub.push(Self.tasks(created: #"{"id":"a","n":2}"#), since: nil).status == 200)
        #expect(try hub.pull(nil).changes["tasks"]?.created.first?["n"] == .integer(2))
    }

    @Test("devices of one key that do not name themselves conflict by position alone", arguments: HubStore.allCases)
    func nameless(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Self.tasks(created: #"{"id":"a","n":1}"#), since: nil, device: nil)
        let seen = try hub.pull(nil, device: nil).timestamp
        #expect(try hub.push(Self.tasks(updated: #"{"id":"a","n":2}"#), since: seen, device: nil).status == 200)
        // It may be another phone that has not seen it.
        #expect(try hub.push(Self.tasks(updated: #"{"id":"a","n":3}"#), since: seen, device: nil).status == 409)
        let now = try hub.pull(seen, device: nil)
        #expect(now.ids(\.updated) == ["a"] && now.ids(\.created).isEmpty)
        #expect(
            try hub.push(Self.tasks(updated: #"{"id":"a","n":3}"#), since: now.timestamp, device: nil).status == 200)
    }

    @Test("of two devices that push one row at once, exactly one is told a conflict", arguments: HubStore.allCases)
    func concurrent(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let names: [String?] = ["phone", "tablet", nil, nil]
        for round in 0..<5 {
            try hub.push(Self.tasks(created: #"{"id":"r\#(round)","n":0}"#), since: hub.pull(nil).timestamp)
            let seen = try hub.pull(nil).timestamp
            for pair in [Array(names[..<2]), Array(names[2...])] {
                let (port, key) = (hub.port, hub.key)
                let since = pair[0] == nil ? try hub.pull(nil).timestamp : seen
                let statuses = Statuses()
                DispatchQueue.concurrentPerform(iterations: 2) { index in
                    let fields = pair[index].map { "X-Device-Id: \($0)\r\n" } ?? ""
                    let body = Self.tasks(updated: #"{"id":"r\#(round)","n":\#(index + 1)}"#)
                    let answer = try? TestHub.request(
                        port, key, "POST", "/sync?last_pulled_at=\(since)", body: body, fields: fields)
                    statuses.add(answer?.status ?? 0)
                }
                #expect(statuses.sorted == [200, 409])
            }
        }
    }

    @Test("`_status` and `_changed` are dropped; values are kept byte for byte", arguments: HubStore.allCases)
    func values(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let row =
            #"{"id":"a","_status":"created","_changed":"","big":1e400,"f":1.50,"t":"\u00e9\/é","z":-0,"n":null,"b":true}"#
        #expect(try hub.push(Self.tasks(created: row), since: nil).status == 200)
        let answer = try hub.request("GET", "/sync?last_pulled_at=0")
        let kept = #"[{"id":"a","b":true,"big":1e400,"f":1.50,"n":null,"t":"\u00e9\/é","z":-0}]"#
        #expect(answer.body.contains(kept), "\(answer.body)")
        #expect(!answer.body.contains("_status") && !answer.body.contains("_changed"))
    }

    @Test("any name of a table is one", arguments: HubStore.allCases)
    func tables(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let names = ["games", "game_players", "Grüße & more", "__proto__", "changes", "created", "deleted", #"a\"b"#]
        let text = names.map { #""\#($0)":{"created":[{"id":"x"}],"updated":[],"deleted":[]}"# }
        #expect(try hub.push("{\(text.joined(separator: ","))}", since: nil).status == 200)
        let pulled = try hub.pull(nil)
        #expect(Set(pulled.changes.keys) == Set(names.map { $0.replacingOccurrences(of: "\\", with: "") }))
    }

    @Test(
        "a bad push is refused with what is wrong, and nothing is applied",
        arguments: [
            (#"{"tasks":{"created":[{"id":"a b"}],"updated":[],"deleted":[]}}"#, "a b"),
            (#"{"tasks":{"created":[{"id":7}],"updated":[],"deleted":[]}}"#, "missing or no string"),
            (#"{"tasks":{"created":[{"n":7}],"updated":[],"deleted":[]}}"#, "missing or no string"),
            (#"{"tasks":{"created":[],"updated":[],"deleted":["ä"]}}"#, "ä"),
            (
                #"{"tasks":{"created":[{"id":"ok"},{"id":"x1","list":[1]}],"updated":[],"deleted":[]}}"#,
                "tasks x1: the column list"
            ),
            (#"{"tasks":{"created":[{"id":"x1","o":{"a":1}}],"updated":[],"deleted":[]}}"#, "tasks x1: the column o"),
            (#"{"tasks":{"created":[{"id":"x1","t":"\ud800"}],"updated":[],"deleted":[]}}"#, "tasks x1: the column t"),
            (#"{"tasks":{"created":[{"id":"x1","t":1,"t":2}],"updated":[],"deleted":[]}}"#, "stands twice"),
            (#"{"tasks":{"created":[{"id":"x1"}],"updated":[{"id":"x1"}],"deleted":[]}}"#, "x1 twice"),
            (#"{"tasks":{"created":[{"id":"x1","n":NaN}],"updated":[],"deleted":[]}}"#, "at byte"),
            (#"{"tasks":{"created":[7],"updated":[],"deleted":[]}}"#, "no row"),
            (#"{"tasks":{"created":{},"updated":[],"deleted":[]}}"#, "must be a list"),
            (#"{"tasks":[]}"#, "must be an object"), (#"[]"#, "must be an object"), ("", "at byte"),
            (#"{"tasks":{"created":[{"id":"ok"}]"#, "at byte"), (#"{"":{"created":[{"id":"ok"}]}}"#, "it is empty"),
            (#"{"changes":{},"last_pulled_at":1.5}"#, "last_pulled_at"),
            (#"{"changes":{},"last_pulled_at":"1"}"#, "last_pulled_at"),
        ])
    func badInput(body: String, told: String) throws {
        let hub = try TestHub.watermelon(.sqlite)
        let answer = try hub.push(body, since: nil)
        #expect(answer.status == 400)
        #expect(answer.body.contains(told), "\(answer.body)")
        #expect(try JSONDecoder().decode([String: String].self, from: Data(answer.body.utf8)).count == 2)
        #expect(try hub.pull(nil).changes.isEmpty)
    }

    @Test(
        "a push without last_pulled_at is refused with what to do",
        arguments: ["", "?last_pulled_at=", "?last_pulled_at=x"])
    func noTimestamp(query: String) throws {
        let hub = try TestHub.watermelon(.sqlite)
        let answer = try hub.request("POST", "/sync\(query)", body: Self.tasks(created: #"{"id":"a"}"#))
        #expect(answer.status == 400 && answer.body.contains("last_pulled_at"))
    }

    @Test("a push from beyond the log's head is refused until the app has pulled", arguments: HubStore.allCases)
    func beyondHead(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Self.tasks(created: #"{"id":"a"}"#), since: nil)
        let now = try hub.pull(nil).timestamp
        let answer = try hub.push(Self.tasks(updated: #"{"id":"a","n":1}"#), since: now + 1)
        #expect(answer.status == 409 && answer.body.contains(#""error":"resync""#))
    }

    @Test(
        "what the record limit leaves no room for is rejected by its id, the rest is applied",
        arguments: HubStore.allCases)
    func recordLimit(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        var user = try #require(try hub.store.accounts.user(named: "ada"))
        user.tier = .init(name: "free", deviceLimit: -1, recordLimit: 2)
        try hub.store.accounts.update(user)
        #expect(try hub.push(Self.tasks(created: #"{"id":"a"},{"id":"b"}"#), since: nil).body == #"{"ok":true}"#)
        let seen = try hub.pull(nil).timestamp
        let answer = try hub.push(
            Self.tasks(created: #"{"id":"c"},{"id":"d"}"#, updated: #"{"id":"a","n":1}"#, deleted: #""b""#), since: seen
        )
        #expect(answer.status == 200)
        #expect(answer.body == #"{"ok":true,"experimentalRejectedIds":{"tasks":["d"]}}"#)
        let rows = try hub.pull(nil)
        #expect(Set(rows.ids(\.created)) == ["a", "c"])
    }

    @Test("a user's rows are nobody else's", arguments: HubStore.allCases)
    func tenants(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let other = try hub.newKey(user: "bob")
        try hub.push(Self.tasks(created: #"{"id":"a","n":1}"#), since: nil)
        // The same table, id and device, by another user: another row.
        #expect(try hub.pull(nil, key: other).changes.isEmpty)
        #expect(try hub.push(Self.tasks(updated: #"{"id":"a","n":2}"#), since: nil, key: other).status == 200)
        #expect(
            try hub.push(Self.tasks(deleted: #""a""#), since: hub.pull(nil, key: other).timestamp, key: other).status
                == 200)
        #expect(try hub.pull(nil).changes["tasks"]?.created.first?["n"] == .integer(1))
        #expect(try hub.pull(nil).deleted().isEmpty)
    }
}

/// Statuses of requests of several threads.
private final class Statuses: Sendable {
    private let values = Guarded([Int]())

    func add(_ status: Int) { values.withLock { $0.append(status) } }

    var sorted: [Int] { values.withLock { $0.sorted() } }
}
