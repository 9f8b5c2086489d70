import Causality
import Foundation
import Hub
import HubTesting
import Storage
import Testing

@Suite("WatermelonDB pull", .timeLimit(.minutes(5)))
struct WatermelonDBPullTests {
    private typealias Push = WatermelonDBPushTests

    @Test("both request forms are answered, 0 and null with everything", arguments: HubStore.allCases)
    func forms(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Push.tasks(created: #"{"id":"a"}"#), since: nil)
        for query in ["last_pulled_at=null&schema_version=1&migration=null", "last_pulled_at=0", ""] {
            let answer = try hub.request("GET", "/sync?\(query)")
            #expect(answer.status == 200)
            #expect(
                answer.body.hasPrefix(
                    #"{"changes":{"tasks":{"created":[{"id":"a"}],"updated":[],"deleted":[]}},"timestamp":"#))
        }
    }

    @Test(
        "a timestamp that is none is refused with what to do",
        arguments: ["1.5", "-1", "abc", "", "1e3", "NaN", "9007199254740992", "99999999999999999999", "%20", "1%00"])
    func badTimestamp(text: String) throws {
        let hub = try TestHub.watermelon(.sqlite)
        let answer = try hub.request("GET", "/sync?last_pulled_at=\(text)")
        #expect(answer.status == 400)
        #expect(answer.head.lowercased().contains("content-type: application/json"))
        #expect(answer.body.contains("send null"))
    }

    @Test("the timestamp is a whole number over 0 that never goes back", arguments: HubStore.allCases)
    func timestamps(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        var last = try hub.pull(nil).timestamp
        #expect(last > 0)
        // Of an empty log too it is one to come back with.
        #expect(try hub.pull(last).experimentalStrategy == nil)
        for round in 0..<5 {
            try hub.push(Push.tasks(created: #"{"id":"r\#(round)"}"#), since: last)
            let next = try hub.pull(last).timestamp
            #expect(next > last && next < 1 << 53)
            #expect(try hub.pull(next).timestamp == next)
            last = next
        }
        #expect(try hub.pull(nil).timestamp == last)
    }

    @Test("a first pull has all live rows as created, and no deletion", arguments: HubStore.allCases)
    func first(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Push.tasks(created: #"{"id":"a"},{"id":"b"},{"id":"gone"}"#), since: nil)
        let now = try hub.pull(nil).timestamp
        try hub.push(Push.tasks(updated: #"{"id":"a","n":1}"#, deleted: #""gone""#), since: now)
        let pulled = try hub.pull(nil, device: "tablet")
        #expect(pulled.ids(\.created).sorted() == ["a", "b"])
        #expect(pulled.ids(\.updated).isEmpty && pulled.deleted().isEmpty)
    }

    @Test("later pulls have what changed, each id once: created, updated and deleted", arguments: HubStore.allCases)
    func incremental(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Push.tasks(created: #"{"id":"a"},{"id":"b"},{"id":"c"}"#), since: nil)
        let seen = try hub.pull(nil, device: "tablet").timestamp
        try hub.push(Push.tasks(created: #"{"id":"d"},{"id":"e"}"#, updated: #"{"id":"a","n":1}"#), since: seen)
        let now = try hub.pull(seen).timestamp
        try hub.push(Push.tasks(updated: #"{"id":"a","n":2},{"id":"e","n":1}"#, deleted: #""b""#), since: now)
        let pulled = try hub.pull(seen, device: "tablet")
        #expect(pulled.ids(\.created) == ["d"])
        // `e` was made and edited since: when unsure, updated.
        #expect(pulled.ids(\.updated).sorted() == ["a", "e"])
        #expect(pulled.deleted() == ["b"])
        #expect(try hub.pull(pulled.timestamp, device: "tablet").changes.isEmpty)
    }

    @Test("a device's own rows come back as updated, never as created", arguments: HubStore.allCases)
    func echo(store: HubStore) throws {
        for device in ["phone", nil] {
            let hub = try TestHub.watermelon(store)
            let seen = try hub.pull(nil, device: device).timestamp
            try hub.push(Push.tasks(created: #"{"id":"a"}"#), since: seen, device: device)
            let own = try hub.pull(seen, device: device)
            #expect(own.ids(\.updated) == ["a"] && own.ids(\.created).isEmpty)
            #expect(try hub.pull(seen, device: "tablet").ids(device == nil ? \.updated : \.created) == ["a"])
        }
    }

    @Test(
        "what a device may have kept of a pull, its timestamp not, comes again as updated", arguments: HubStore.allCases
    )
    func crash(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let seen = try hub.pull(nil).timestamp
        #expect(try hub.pull(nil, device: "laptop").timestamp == seen)
        try hub.push(Push.tasks(created: #"{"id":"a"}"#), since: seen, device: "tablet")
        let lost = try hub.pull(seen)
        #expect(lost.ids(\.created) == ["a"])
        try hub.push(Push.tasks(created: #"{"id":"b"}"#), since: lost.timestamp, device: "tablet")
        let again = try hub.pull(seen)
        // Were it created, the client would bring back what its user has deleted meanwhile.
        #expect(again.ids(\.updated) == ["a"] && again.ids(\.created) == ["b"])
        #expect(try hub.pull(seen, device: "laptop").ids(\.created) == ["a", "b"])
        // Begun anew, it has nothing.
        #expect(try hub.pull(nil).ids(\.created) == ["a", "b"])
    }

    @Test(
        "what was deleted between a first pull and its repetition is told by the pull behind it",
        arguments: HubStore.allCases)
    func deletedBetweenFirstPulls(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Push.tasks(created: #"{"id":"a"},{"id":"b"}"#), since: nil, device: "tablet")
        // The app ended when it had the rows, and not yet the timestamp.
        let kept = try hub.pull(nil)
        #expect(kept.ids(\.created) == ["a", "b"])
        try hub.push(Push.tasks(deleted: #""b""#), since: kept.timestamp, device: "tablet")
        let first = try hub.pull(nil)
        #expect(first.ids(\.created) == ["a"] && first.deleted().isEmpty)
        #expect(try hub.pull(first.timestamp).deleted() == ["b"])
        // The answer may be lost too.
        #expect(try hub.pull(first.timestamp).deleted() == ["b"])
        try hub.push(Push.tasks(created: #"{"id":"c"}"#), since: first.timestamp, device: "tablet")
        let next = try hub.pull(first.timestamp)
        #expect(next.ids(\.created) == ["c"] && next.deleted() == ["b"])
        #expect(try hub.pull(next.timestamp).changes.isEmpty)
        // Whoever begins anew after that has kept nothing.
        let anew = try hub.pull(nil)
        #expect(anew.deleted().isEmpty)
        #expect(try hub.pull(anew.timestamp).changes.isEmpty)
    }

    @Test("sendCreatedAsUpdated puts all under updated", arguments: HubStore.allCases)
    func createdAsUpdated(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let seen = try hub.pull(nil).timestamp
        try hub.push(Push.tasks(created: #"{"id":"a"}"#), since: seen, device: "tablet")
        for since in [nil, seen] {
            let pulled = try hub.pull(since, "&sendCreatedAsUpdated=true")
            #expect(pulled.ids(\.updated) == ["a"] && pulled.ids(\.created).isEmpty)
        }
    }

    @Test(
        "a migration brings the rows of new tables and of new columns that are not default",
        arguments: HubStore.allCases)
    func migration(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let rows =
            #"{"id":"zero","n":0.0},{"id":"text","s":""},{"id":"no","b":false},{"id":"null","n":null},{"id":"none"}"#
        let set = #"{"id":"one","n":1e-3},{"id":"word","s":"x"},{"id":"yes","b":true}"#
        try hub.push(Push.tasks(created: rows + "," + set), since: nil)
        let other =
            #"{"notes":{"created":[{"id":"m"}],"updated":[],"deleted":[]},"old":{"created":[{"id":"o"}],"updated":[],"deleted":[]}}"#
        try hub.push(other, since: nil)
        let seen = try hub.pull(nil).timestamp
        try hub.push(Push.tasks(created: #"{"id":"new","n":5}"#, deleted: #""word""#), since: seen, device: "tablet")
        let migration = #"{"from":1,"tables":["notes"],"columns":[{"table":"tasks","columns":["n","s","b"]}]}"#
        let encoded = try #require(migration.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let answer = try hub.request(
            "GET", "/sync?last_pulled_at=\(seen)&schema_version=2&migration=\(encoded)",
            fields: "X-Device-Id: phone\r\n")
        let pulled = try JSONDecoder().decode(WatermelonDBPull.self, from: Data(answer.body.utf8))
        #expect(pulled.ids(\.created) == ["new"])
        #expect(pulled.ids(\.updated).sorted() == ["one", "yes"])
        #expect(pulled.deleted() == ["word"])
        #expect(pulled.ids(\.updated, "notes") == ["m"])
        #expect(pulled.changes["old"] == nil)
        #expect(pulled.experimentalStrategy == nil)
    }

    @Test("a migration that is none is refused", arguments: ["%7B", "7", "%7B%22tables%22%3A7%7D", "%5B%5D"])
    func badMigration(text: String) throws {
        let hub = try TestHub.watermelon(.sqlite)
        let answer = try hub.request("GET", "/sync?last_pulled_at=0&migration=\(text)")
        #expect(answer.status == 400 && answer.body.contains("migration must be null"))
    }

    @Test("tables can be chosen and left out", arguments: HubStore.allCases)
    func tables(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let table = #"{"created":[{"id":"x"}],"updated":[],"deleted":[]}"#
        try hub.push(#"{"a":\#(table),"b":\#(table),"c":\#(table)}"#, since: nil)
        #expect(try hub.pull(nil, "&tables=a,c").changes.keys.sorted() == ["a", "c"])
        #expect(try hub.pull(nil, "&exclude=a").changes.keys.sorted() == ["b", "c"])
        #expect(try hub.pull(nil, "&tables=a,b&exclude=b").changes.keys.sorted() == ["a"])
    }

    @Test("a timestamp beyond the log is answered with everything, in place of what was", arguments: HubStore.allCases)
    func replacement(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Push.tasks(created: #"{"id":"a"}"#), since: nil)
        try hub.push(#"{"emptied":{"created":[{"id":"x"}],"updated":[],"deleted":[]}}"#, since: nil)
        let now = try hub.pull(nil).timestamp
        try hub.push(#"{"emptied":{"created":[],"updated":[],"deleted":["x"]}}"#, since: now)
        let pulled = try hub.pull(now + 3_600_000_000)
        #expect(pulled.experimentalStrategy == "replacement")
        #expect(pulled.ids(\.updated) == ["a"] && pulled.ids(\.created).isEmpty)
        // A table of which nothing is left is named: the client empties only what is.
        #expect(pulled.changes["emptied"].map { $0.updated.isEmpty && $0.deleted.isEmpty } == true)
        #expect(try hub.pull(pulled.timestamp).experimentalStrategy == nil)
    }

    @Test(
        "timestamps of before a restore are answered with everything until the device has it",
        arguments: HubStore.allCases)
    func renewal(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try hub.push(Push.tasks(created: #"{"id":"a"}"#), since: nil)
        let before = try hub.pull(nil).timestamp
        try hub.store.renewGeneration()
        try hub.push(Push.tasks(created: #"{"id":"b"}"#), since: nil, device: "tablet")
        // Not of a device that is on its first pull.
        #expect(try hub.pull(nil, device: "new").experimentalStrategy == nil)
        #expect(try hub.push(Push.tasks(updated: #"{"id":"a","n":1}"#), since: before).status == 409)
        let replaced = try hub.pull(before)
        #expect(replaced.experimentalStrategy == "replacement")
        #expect(replaced.ids(\.updated).sorted() == ["a", "b"])
        // The answer was lost: it comes again, also after the log has grown.
        #expect(try hub.pull(before).experimentalStrategy == "replacement")
        try hub.push(Push.tasks(created: #"{"id":"c"}"#), since: nil, device: "tablet")
        #expect(try hub.pull(before).experimentalStrategy == "replacement")
        let next = try hub.pull(replaced.timestamp)
        #expect(next.experimentalStrategy == nil)
        #expect(next.ids(\.created) == ["c"])
        #expect(try hub.pull(next.timestamp).experimentalStrategy == nil)
        #expect(try hub.push(Push.tasks(updated: #"{"id":"a","n":1}"#), since: next.timestamp).status == 200)
    }

    @Test("a key that is none, a method that is none and a path that is none are told in JSON")
    func refusals() throws {
        let hub = try TestHub.watermelon(.sqlite)
        let stranger = try hub.request("GET", "/sync?last_pulled_at=0", key: "")
        #expect(stranger.status == 401 && stranger.body.contains(#""error":"unauthorized""#))
        let method = try hub.request("DELETE", "/sync")
        #expect(method.status == 405 && method.body.contains(#""error":"method_not_allowed""#))
        let device = try hub.request("GET", "/sync", fields: "X-Device-Id: \(String(repeating: "x", count: 300))\r\n")
        #expect(device.status == 400 && device.body.contains("X-Device-Id"))
    }

    @Test("a device registers itself", arguments: HubStore.allCases)
    func registration(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        _ = try hub.pull(nil, device: "phone-1")
        _ = try hub.pull(nil, device: nil)
        let user = try #require(try hub.store.accounts.user(named: "ada"))
        let names = try hub.store.accounts.devices(of: user.id).map(\.id.text)
        #expect(names.count == 2 && names.contains("phone-1"))
        #expect(names.contains { $0.hasPrefix("watermelondb.") })
    }

    @Test("a native push appears, as the client's rows are; other namespaces do not", arguments: HubStore.allCases)
    func native(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let seen = try hub.pull(nil).timestamp
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        let rows: [(String, Any)] = [
            ("plain", ["id": "plain", "n": 1]), ("bare", ["n": 2]), ("other", ["id": "else", "_status": "x", "n": 3]),
            ("nested", ["n": 4, "list": [1]]), ("text", "no object"), ("bad id", ["n": 6]),
        ]
        let items = try laptop.push(
            rows.map { id, body in
                change(id, ["l": 1], body, kind: "tasks").merging(["namespace": "watermelondb"]) { $1 }
            } + [change("elsewhere", ["l": 1], ["n": 7], kind: "tasks")])
        #expect(items.allSatisfy { $0["verdict"] as? String == "accepted" })
        let pulled = try hub.pull(seen)
        #expect(pulled.ids(\.created) == ["plain", "bare", "other", "nested", "text"])
        #expect(
            pulled.changes["tasks"]?.created.map { $0["n"] } == [
                .integer(1), .integer(2), .integer(3), .integer(4), nil,
            ])
        #expect(pulled.changes["tasks"]?.created.allSatisfy { $0["_status"] == nil && $0["list"] == nil } == true)
        // And on from there.
        let edit = Push.tasks(updated: #"{"id":"plain","n":8}"#)
        #expect(try hub.push(edit, since: pulled.timestamp).status == 200)
        let heard = try laptop.changes(count: 1)
        #expect((heard[0]["body"] as? [String: Any])?["n"] as? Int == 8)
        #expect(heard[0]["namespace"] as? String == "watermelondb")
    }

    @Test("50,000 rows come in one first pull, by table, each once", arguments: HubStore.allCases)
    func large(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        let note = String(repeating: "x", count: 80)
        for push in 0..<5 {
            let tables = (0..<5).map { table in
                let rows = (0..<2_000).map {
                    #"{"id":"t\#(table).\#(push * 2_000 + $0)","n":\#($0),"note":"\#(note)"}"#
                }
                return #""table\#(table)":{"created":[\#(rows.joined(separator: ","))],"updated":[],"deleted":[]}"#
            }
            #expect(try hub.push("{\(tables.joined(separator: ","))}", since: nil).status == 200)
        }
        let began = Date()
        let answer = try hub.request("GET", "/sync?last_pulled_at=null")
        print("50,000 rows, \(answer.body.utf8.count) bytes on \(store): \(-began.timeIntervalSinceNow) s")
        let pulled = try JSONDecoder().decode(WatermelonDBPull.self, from: Data(answer.body.utf8))
        #expect(pulled.changes.count == 5)
        for table in 0..<5 {
            let name = "table\(table)"
            #expect(pulled.ids(\.created, name) == (0..<10_000).map { "t\(table).\($0)" })
            #expect(pulled.ids(\.updated, name).isEmpty && pulled.deleted(name).isEmpty)
        }
        #expect(try hub.pull(pulled.timestamp).changes.isEmpty)
    }
}
