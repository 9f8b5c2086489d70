import Causality
import Foundation
import Hub
import HubTesting
import Testing

/// Records by name, devices, and what a device lacks.
@Suite("Listing", .timeLimit(.minutes(5)))
struct ListingTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func post(_ hub: TestHub, _ path: String, _ body: [String: Any]) throws -> [String: Any] {
        let text = String(decoding: try JSONSerialization.data(withJSONObject: body), as: UTF8.self)
        let answer = try hub.request("POST", path, body: text)
        #expect(answer.status == 200, "\(answer.body)")
        return try object(answer.body)
    }

    private func ids(_ hub: TestHub, _ query: String) throws -> [String] {
        var ids: [String] = []
        var after = ""
        repeat {
            let answer = try hub.request("GET", "/v1/records?\(query)&after=\(after)")
            #expect(answer.status == 200, "\(answer.body)")
            let page = try object(answer.body)
            ids += (page["records"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
            after = page["next"] as? String ?? ""
        } while !after.isEmpty
        return ids
    }

    @Test("records are listed by kind, namespace and prefix, in the order of their names")
    func records() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        var moved = change("b2", ["l": 1], 1)
        moved["namespace"] = "work"
        var gone = change("b3", ["l": 1], 1)
        gone["deleted"] = true
        try laptop.push([
            change("b1", ["l": 1], 1), change("a", ["l": 1], 1), moved, gone, change("\u{e9}", ["l": 1], 1),
            change("t", ["l": 1], 1, kind: "task"), change("a", ["p": 1], 2), change("a", ["q": 1], 3),
        ])
        #expect(try ids(hub, "limit=2") == ["a", "b1", "b2", "\u{e9}", "t"])
        #expect(try ids(hub, "kind=note&deleted=true&limit=1") == ["a", "b1", "b2", "b3", "\u{e9}"])
        #expect(try ids(hub, "namespace=work") == ["b2"])
        #expect(try ids(hub, "prefix=b") == ["b1", "b2"])
        #expect(try ids(hub, "prefix=%C3%A9") == ["\u{e9}"])
        let page = try object(try hub.request("GET", "/v1/records?prefix=a").body)
        let record = try #require((page["records"] as? [[String: Any]])?.first)
        #expect(record["siblings"] as? Int == 2 && record["body"] as? Int == 1 && record["position"] != nil)
        #expect(page["next"] == nil)
        for query in ["limit=0", "limit=x", "deleted=yes", "kind=%01", "prefix=\(String(repeating: "x", count: 257))"] {
            #expect(try hub.request("GET", "/v1/records?\(query)").status == 422, "\(query)")
        }
        #expect(try hub.request("GET", "/v1/records?after=x").status == 400)
        let eve = try hub.newKey(user: "eve")
        #expect(try hub.request("GET", "/v1/records", key: eve).body == #"{"records":[]}"#)
    }

    @Test("a diff names what is missing, different and unknown, stretch by stretch")
    func diff() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        func pushed(_ id: String, _ hash: String, deleted: Bool = false) -> [String: Any] {
            ["kind": "note", "id": id, "clock": ["l": 1], "body": 1, "hash": hash, "deleted": deleted]
        }
        try laptop.push([
            pushed("a", "1"), pushed("b", "1"), pushed("c", "1", deleted: true), pushed("d", "1", deleted: true),
            pushed("f", "1"), pushed("h", "1"),
        ])
        func item(_ id: String, _ hash: String) -> [String: Any] { ["kind": "note", "id": id, "hash": hash] }
        let held = [item("a", "1"), item("b", "2"), item("c", "1"), item("e", "1"), item("g", "1")]
        func names(_ diff: [String: Any], _ field: String) -> [String] {
            (diff[field] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
        }
        let whole = try post(hub, "/v1/diff", ["records": held, "is_last": true])
        #expect(names(whole, "missing") == ["f", "h"])
        #expect(names(whole, "different") == ["b", "c"])
        #expect(names(whole, "unknown") == ["e", "g"])
        #expect(whole["has_more"] as? Bool == false && whole["next"] == nil)
        let different = try #require(whole["different"] as? [[String: Any]])
        #expect(different[0]["hash"] as? String == "1" && different[0]["deleted"] == nil)
        #expect(different[1]["deleted"] as? Bool == true && different[1]["position"] is Int)
        // The same in stretches of two.
        var (after, missing, unknown): (String?, [String], [String]) = (nil, [], [])
        for start in stride(from: 0, to: held.count, by: 2) {
            var body: [String: Any] = [
                "records": Array(held[start..<min(start + 2, held.count)]), "is_last": start + 2 >= held.count,
            ]
            body["after"] = after
            let part = try post(hub, "/v1/diff", body)
            missing += names(part, "missing")
            unknown += names(part, "unknown")
            after = part["next"] as? String
            #expect((part["has_more"] as? Bool) == (after != nil))
        }
        #expect(missing == ["f", "h"] && unknown == ["e", "g"] && after == nil)
        let nothing = try post(hub, "/v1/diff", ["records": [], "is_last": true, "kinds": ["task"]])
        #expect(names(nothing, "missing").isEmpty)
        #expect(names(try post(hub, "/v1/diff", ["records": [], "is_last": true]), "missing").count == 4)
    }

    @Test("a diff of many records ends where its bound is, and the device goes on behind it")
    func longDiff() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let count = 12_000
        for start in stride(from: 0, to: count, by: 6_000) {
            try laptop.push((start..<start + 6_000).map { change("\($0 + 100_000)", ["l": 1], 1) })
        }
        var found = 0
        var calls = 0
        var body: [String: Any] = ["records": [], "is_last": true]
        while true {
            let part = try post(hub, "/v1/diff", body)
            found += (part["missing"] as? [[String: Any]] ?? []).count
            calls += 1
            guard part["has_more"] as? Bool == true else { break }
            body["after"] = try #require(part["next"] as? String)
        }
        #expect(found == count && calls == 2)
    }

    @Test("a diff that is not what it should be is told the field")
    func badDiffs() throws {
        let hub = try TestHub()
        let many = Array(repeating: #"{"kind":"k","id":"i","hash":"h"}"#, count: 10_001).joined(separator: ",")
        for (body, status, code, word) in [
            ("{}", 422, "missing_field", "is_last"), (#"{"is_last":true}"#, 422, "missing_field", "records"),
            (#"{"is_last":1,"records":[]}"#, 422, "bad_field", "is_last"),
            (#"{"is_last":false,"records":[]}"#, 422, "bad_field", "records"),
            (#"{"is_last":true,"records":[1]}"#, 422, "bad_field", "object"),
            (
                #"{"is_last":true,"records":[{"kind":"b","id":"a","hash":"h"},{"kind":"a","id":"a","hash":"h"}]}"#, 422,
                "bad_field", "sorted"
            ),
            (
                #"{"is_last":true,"records":[{"kind":"b","id":"a","hash":"h"},{"kind":"b","id":"a","hash":"h"}]}"#, 422,
                "bad_field", "sorted"
            ),
            (#"{"is_last":true,"records":[{"kind":"b","id":"a"}]}"#, 422, "missing_field", "hash"),
            (#"{"is_last":true,"records":[{"kind":"b","id":"","hash":"h"}]}"#, 422, "bad_id", "id"),
            (
                #"{"is_last":true,"kinds":["a"],"records":[{"kind":"b","id":"a","hash":"h"}]}"#, 422, "bad_field",
                "kinds"
            ),
            (#"{"is_last":true,"after":"c1","records":[]}"#, 400, "bad_cursor", "after"),
            (#"{"is_last":true,"records":[\#(many)]}"#, 413, "too_large", "10000"), ("[]", 400, "bad_frame", "object"),
            ("nonsense", 400, "bad_json", "byte"),
        ] as [(String, Int, String, String)] {
            let answer = try hub.request("POST", "/v1/diff", body: body)
            #expect(answer.status == status, "\(body.prefix(99)) \(answer.body)")
            let problem = try object(answer.body)
            #expect(problem["code"] as? String == code, "\(body.prefix(99))")
            #expect((problem["detail"] as? String ?? "").contains(word), "\(answer.body)")
        }
    }

    @Test("devices are listed; a removed one is gone at once, its sessions end, and the others go on")
    func devices() throws {
        let hub = try TestHub(shardCount: 3)
        let phone = try hub.device("phone")
        let pusher = try hub.device("phone")
        let laptop = try hub.device("laptop")
        try phone.catchUp()
        try pusher.hello(["live": false])
        try laptop.catchUp()
        let eve = try hub.newKey(user: "eve")
        let evesPhone = try hub.device("phone", key: eve)
        try evesPhone.catchUp()
        let listed = try #require(try object(try hub.request("GET", "/v1/devices").body)["devices"] as? [[String: Any]])
        #expect(Set(listed.compactMap { $0["id"] as? String }) == ["phone", "laptop"])
        #expect(
            listed.allSatisfy { $0["replica"] is String && $0["registered_at"] is Int && $0["last_seen_at"] is Int })
        let removed = try hub.request("DELETE", "/v1/devices/phone")
        #expect(removed.status == 204 && removed.body.isEmpty)
        for session in [phone, pusher] {
            #expect(try session.next("error")["code"] as? String == "unknown_device")
            #expect(try session.nextFrame() == nil)
            #expect(session.closeCode == 4522)
        }
        #expect(try hub.request("DELETE", "/v1/devices/phone").status == 204)
        #expect(try hub.request("DELETE", "/v1/devices/%ff").status == 422)
        #expect(try hub.request("PATCH", "/v1/devices/phone").head.contains("Allow: DELETE\r\n"))
        #expect(try hub.request("PATCH", "/v1/devices").head.contains("Allow: GET, POST, HEAD\r\n"))
        try laptop.push([change("a", ["l": 1], 1)])
        try evesPhone.push([change("b", ["l": 1], 1)])
        let left = try hub.request("GET", "/v1/devices").body
        #expect(left.contains("laptop") && !left.contains("phone"))
        #expect(try hub.request("GET", "/v1/devices", key: eve).body.contains(evesPhone.replica))
    }
}
