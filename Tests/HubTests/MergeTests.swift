import Causality
import Foundation
import HubTesting
import SQLiteStore
import Storage
import Testing

@Suite("Merging through a hub", .timeLimit(.minutes(5)))
struct MergeTests {
    static func policy() throws -> ConflictPolicy {
        let fields: [(String, MergeRule.FieldKind)] = [("tags", .set), ("votes", .counter), ("due", .scalar)]
        return .merge(try MergeRule(fields.map { .init(try #require(FieldPath($0.0)), $0.1) }))
    }

    func task(_ clock: [String: Int], _ body: [String: Any], at time: Int = 0) -> [String: Any] {
        var change = change("t", clock, body, kind: "task")
        change["updated_at"] = time
        // A dictionary has no order of its own: sent again it may be other bytes.
        change["hash"] = "\(clock.sorted { $0.key < $1.key })"
        return change
    }

    /// The hash is that of the bytes.
    func hashes(_ entries: [[String: Any]]) -> [String] { entries.compactMap { $0["hash"] as? String } }

    @Test("two devices that edit at the same time end with the same bytes, and are told how", arguments: [false, true])
    func twoDevices(isPhoneFirst: Bool) throws {
        let hub = try TestHub()
        try hub.store.setPolicy(try MergeTests.policy(), for: "task")
        let laptop = try hub.device("laptop")
        let phone = try hub.device("phone")
        let tablet = try hub.device("tablet")
        for device in [laptop, phone, tablet] { try device.catchUp() }
        try laptop.push([task(["l": 1], ["tags": ["a", "b"], "votes": 1, "due": "mon"])])
        _ = try phone.changes(count: 1)
        let edits = [
            (laptop, task(["l": 2], ["tags": ["b", "c"], "votes": 2, "due": "tue"], at: 5)),
            (phone, task(["l": 1, "p": 1], ["tags": ["a", "b", "d"], "votes": 11, "due": "wed"], at: 6)),
        ]
        let ordered = isPhoneFirst ? edits.reversed() : edits
        #expect(try ordered[0].0.push([ordered[0].1])[0]["reason"] as? String == "newer")
        let pusher = ordered[1].0
        try pusher.send(["type": "push", "id": "m", "changes": [ordered[1].1]])
        // The other's edit, and then what came of both: nobody's own, so the pusher is sent it too.
        let heard = try pusher.changes(count: 2)
        let answer = try #require((try pusher.next("pushed")["items"] as? [[String: Any]])?.first)
        #expect(answer["verdict"] as? String == "accepted" && answer["reason"] as? String == "merged")
        #expect(answer["clock"] as? [String: Int] == ordered[1].1["clock"] as? [String: Int])
        let stored = try #require(answer["stored"] as? [String: Any])
        let body = try #require(stored["body"] as? [String: Any])
        #expect(body["tags"] as? [String] == ["b", "d", "c"] && body["votes"] as? Int == 12)
        #expect(body["due"] as? String == "wed" && stored["clock"] as? [String: Int] == ["l": 2, "p": 1])
        #expect(stored["author"] as? String == "" && stored["reason"] as? String == "merged")
        #expect((stored["detail"] as? String)?.contains("`tags` united") == true)
        let merged = try #require(stored["hash"] as? String)
        #expect(hashes(heard).last == merged)
        #expect(try hashes(ordered[0].0.changes(count: 1)) == [merged])
        #expect(try hashes(tablet.changes(count: 3)).last == merged)
        #expect([laptop, phone, tablet].allSatisfy { $0.gaps.isEmpty })
        let page = try hub.request("GET", "/v1/pull").body
        #expect(page.contains(#""tags":["b","d","c"]"#) && page.contains(#""author":"","reason":"merged""#))
        let again = try ordered[1].0.push([ordered[1].1], id: "again")[0]
        #expect(again["verdict"] as? String == "duplicate")
        #expect((again["stored"] as? [String: Any])?["hash"] as? String == merged)
    }

    @Test("a device that holds an older version is merged against what it held")
    func olderVersion() throws {
        let hub = try TestHub()
        try hub.store.setPolicy(try MergeTests.policy(), for: "task")
        let laptop = try hub.device("laptop")
        let phone = try hub.device("phone")
        try laptop.catchUp()
        try phone.catchUp()
        for count in 1...9 {
            try laptop.push([task(["l": count], ["votes": count, "title": "v\(count)"], at: count)], id: "\(count)")
        }
        let answer = try phone.push([task(["l": 4, "p": 1], ["votes": 104, "title": "v4", "note": 1], at: 4)])[0]
        let body = try #require((answer["stored"] as? [String: Any])?["body"] as? [String: Any])
        #expect(body["votes"] as? Int == 109 && body["title"] as? String == "v9" && body["note"] as? Int == 1)
        let apart = try phone.push([task(["l": 5, "q": 1], ["votes": 5, "title": "mine"], at: 4)], id: "q")[0]
        #expect(apart["verdict"] as? String == "conflict" && apart["reason"] as? String == "concurrent")
        let conflict = try #require(try laptop.next("conflict")["change"] as? [String: Any])
        #expect(conflict["detail"] as? String == "Both sides changed `title`.")
        #expect(conflict["reason"] as? String == "concurrent" && conflict["sibling"] as? Bool == true)
        let record = try hub.request("GET", "/v1/records/task/t").body
        #expect(record.contains("\"siblings\":[{") && record.contains("Both sides changed `title`."))
    }

    @Test("an edit and a deletion at the same time: the edit is the head, the deletion stands beside it")
    func editAndDelete() throws {
        let hub = try TestHub()
        try hub.store.setPolicy(try MergeTests.policy(), for: "task")
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        let phone = try hub.device("phone")
        try phone.catchUp()
        try laptop.push([task(["l": 1], ["votes": 1])])
        try phone.push([["kind": "task", "id": "t", "clock": ["l": 1, "p": 1], "deleted": true, "updated_at": 99]])
        let edit = try laptop.push([task(["l": 2], ["votes": 2])], id: "e")[0]
        #expect(edit["verdict"] as? String == "accepted" && edit["reason"] as? String == "edit_delete")
        let conflict = try #require(try phone.next("conflict")["change"] as? [String: Any])
        #expect(conflict["deleted"] as? Bool == true && conflict["reason"] as? String == "edit_delete")
    }

    @Test("a policy that another process sets holds from the next push on, and a restart keeps the history")
    func policyFromOutside() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "carillon.db").path
        let console: SQLiteStore
        do {
            let hub = try TestHub(store: try SQLiteStore(path: path))
            console = try SQLiteStore(path: path)
            let laptop = try hub.device("laptop")
            try laptop.catchUp()
            try laptop.push([task(["l": 1], ["votes": 1])])
            let before = try laptop.push([task(["x": 1], ["votes": 0])], id: "x")[0]
            #expect(before["verdict"] as? String == "conflict")
            try console.setPolicy(try MergeTests.policy(), for: "task")
            try laptop.push([task(["l": 2, "x": 1], ["votes": 2])], id: "2")
            hub.stop()
        }
        let hub = try TestHub(store: try SQLiteStore(path: path), user: "bob")
        let journal = Journal(store: hub.store) { _ in "merged" }
        let ada = try #require(try hub.store.accounts.user(named: "ada"))
        // The other side of an edit that was accepted before the restart.
        let late = Change(
            kind: "task", id: "t",
            clock: VectorClock([.init(replica: "l", counter: 1), .init(replica: "p", counter: 1)]),
            hash: "late", body: Array("{\"votes\":5}".utf8)[...])
        let receipt = try journal.commit(
            [Submission(space: ada.space, author: "phone", replica: "p", changes: [late])], now: .start)
        #expect(receipt.results[0][0].decision == .verdict(.accepted, .merged))
        #expect(receipt.results[0][0].stored.map { String(decoding: $0.change.body, as: UTF8.self) } == "{\"votes\":6}")
    }
}
