import Causality
import Foundation
import Hub
import HubTesting
import Reactor
import Storage
import Testing

/// Conflicts from the push that makes them to the resolve that ends them.
@Suite("Conflicts", .timeLimit(.minutes(5)))
struct ConflictTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func conflicts(_ hub: TestHub, _ query: String = "") throws -> [[String: Any]] {
        let answer = try hub.request("GET", "/v1/conflicts\(query)")
        #expect(answer.status == 200)
        return try #require(try object(answer.body)["conflicts"] as? [[String: Any]])
    }

    private func resolve(
        _ hub: TestHub, _ resolutions: [[String: Any]], device: String = "laptop"
    ) throws -> [[String: Any]] {
        try resolve(hub.port, hub.key, resolutions, device: device)
    }

    private func resolve(
        _ port: UInt16, _ key: String, _ resolutions: [[String: Any]], device: String
    ) throws -> [[String: Any]] {
        let body = try JSONSerialization.data(withJSONObject: ["resolutions": resolutions])
        let answer = try TestHub.request(
            port, key, "POST", "/v1/resolve", body: String(decoding: body, as: UTF8.self),
            fields: "X-Carillon-Device: \(device)\r\n")
        #expect(answer.status == 200, "\(answer.body)")
        return try #require(try object(answer.body)["items"] as? [[String: Any]])
    }

    /// Two devices that have pushed concurrent versions of `a`, and are told of both.
    private func racing(_ hub: TestHub) throws -> (laptop: TestDevice, phone: TestDevice) {
        let laptop = try hub.device("laptop")
        let phone = try hub.device("phone")
        try laptop.catchUp()
        try phone.catchUp()
        try laptop.push([change("a", ["l": 1], "one")])
        #expect(try phone.changes(count: 1)[0]["body"] as? String == "one")
        try phone.push([change("a", ["p": 1], "two")])
        #expect(try laptop.changes(count: 1)[0]["body"] as? String == "two")
        return (laptop, phone)
    }

    private func record(_ hub: TestHub) throws -> (head: [String: Any], siblings: [[String: Any]]) {
        let record = try object(try hub.request("GET", "/v1/records/note/a").body)
        return (
            try #require(record["head"] as? [String: Any]), try #require(record["siblings"] as? [[String: Any]])
        )
    }

    @Test("a conflict is listed with head and siblings, kept by clock, and gone on every device")
    func keepASibling() throws {
        let hub = try TestHub()
        let (laptop, phone) = try racing(hub)
        let listed = try conflicts(hub)
        #expect(listed.count == 1 && listed[0]["kind"] as? String == "note" && listed[0]["id"] as? String == "a")
        #expect((listed[0]["head"] as? [String: Any])?["body"] as? String == "one")
        let siblings = try #require(listed[0]["siblings"] as? [[String: Any]])
        #expect(siblings.map { $0["body"] as? String } == ["two"] && siblings[0]["sibling"] as? Bool == true)
        let items = try resolve(
            hub, [["kind": "note", "id": "a", "supersedes": [["l": 1], ["p": 1]], "keep": ["p": 1]]])
        #expect(items[0]["verdict"] as? String == "accepted" && items[0]["reason"] as? String == "resolved")
        let clock = try #require(items[0]["clock"] as? [String: Int])
        #expect(clock == ["l": 1, "p": 1, laptop.replica: 1])
        let told = try phone.changes(count: 1)[0]
        #expect(told["body"] as? String == "two" && told["clock"] as? [String: Int] == clock)
        #expect(try conflicts(hub).isEmpty)
        #expect(try record(hub).siblings.isEmpty)
        // The device that resolved it goes on from the answer's clock.
        var next = clock
        next[laptop.replica, default: 0] += 1
        #expect(try laptop.push([change("a", next, "three")])[0]["reason"] as? String == "newer")
        #expect(laptop.gaps.isEmpty && phone.gaps.isEmpty)
    }

    @Test("keeping the head ends the named siblings; a body and a deletion settle too, and bodies keep their bytes")
    func otherSettlements() throws {
        let hub = try TestHub()
        let (_, phone) = try racing(hub)
        let both: [[String: Int]] = [["l": 1], ["p": 1]]
        var items = try resolve(hub, [["kind": "note", "id": "a", "supersedes": both, "keep": ["l": 1]]])
        #expect(items[0]["verdict"] as? String == "accepted")
        #expect(try phone.changes(count: 1)[0]["body"] as? String == "one")
        #expect(try record(hub).siblings.isEmpty)
        try phone.push([change("a", ["x": 1], "four")])
        let clocks = try record(hub)
        let named = try ([clocks.head] + clocks.siblings).map { try #require($0["clock"] as? [String: Int]) }
        let names = String(decoding: try JSONSerialization.data(withJSONObject: named), as: UTF8.self)
        let body = #"{ "z" : [1.0e2 ] }"#
        let answer = try hub.request(
            "POST", "/v1/resolve",
            body: #"{"resolutions":[{"kind":"note","id":"a","supersedes":\#(names),"body":\#(body)}]}"#,
            fields: "X-Carillon-Device: tablet\r\n")
        #expect(answer.body.contains(#""reason":"resolved""#))
        #expect(try hub.request("GET", "/v1/records/note/a").body.contains(body))
        let head = try #require(try record(hub).head["clock"] as? [String: Int])
        items = try resolve(hub, [["kind": "note", "id": "a", "supersedes": [head], "deleted": true]])
        #expect(items[0]["verdict"] as? String == "accepted")
        #expect(try record(hub).head["deleted"] as? Bool == true)
    }

    @Test("a sibling that arrives meanwhile survives a resolve that does not name it")
    func arrivesMeanwhile() throws {
        let hub = try TestHub()
        let (_, phone) = try racing(hub)
        let seen = try conflicts(hub)
        #expect(seen.count == 1)
        try phone.push([change("a", ["t": 1], "three")])
        let both: [[String: Int]] = [["l": 1], ["p": 1]]
        let items = try resolve(hub, [["kind": "note", "id": "a", "supersedes": both, "body": "merged"]])
        #expect(items[0]["verdict"] as? String == "accepted")
        let record = try record(hub)
        #expect(record.head["body"] as? String == "merged")
        #expect(record.siblings.map { $0["body"] as? String } == ["three"])
        #expect(try conflicts(hub).count == 1)
        // The other device learns of it by the chain: the head, and the sibling that it pushed is still there.
        #expect(try phone.changes(count: 1)[0]["body"] as? String == "merged")
    }

    @Test("of racing resolves of the same versions one wins, and the others are told that they are gone")
    func racingResolves() throws {
        let hub = try TestHub()
        _ = try racing(hub)
        let both: [[String: Int]] = [["l": 1], ["p": 1]]
        let outcomes = Guarded<[String]>([])
        let (port, key) = (hub.port, hub.key)
        DispatchQueue.concurrentPerform(iterations: 6) { number in
            do {
                let items = try resolve(
                    port, key, [["kind": "note", "id": "a", "supersedes": both, "body": "r\(number)"]],
                    device: "device\(number)")
                let outcome = (items[0]["error"] ?? items[0]["verdict"]) as? String ?? "none"
                outcomes.withLock { $0.append(outcome) }
            } catch {
                Issue.record(error)
            }
        }
        #expect(outcomes.withLock { $0.sorted() } == ["accepted"] + Array(repeating: "unknown_version", count: 5))
        #expect(try record(hub).siblings.isEmpty)
    }

    @Test("pushes that race a resolve are kept, all of them, whatever the order")
    func racingPushes() throws {
        let hub = try TestHub()
        let (laptop, phone) = try racing(hub)
        let both: [[String: Int]] = [["l": 1], ["p": 1]]
        for (device, name) in [(laptop, "lap"), (phone, "pho")] {
            for number in 0..<5 {
                let pushed = change("a", ["\(name)\(number)": 1], "\(name)\(number)")
                try device.send(["type": "push", "id": "\(number)", "changes": [pushed]])
            }
        }
        let items = try resolve(hub, [["kind": "note", "id": "a", "supersedes": both, "body": "merged"]])
        #expect(items[0]["verdict"] as? String == "accepted")
        for device in [laptop, phone] {
            for _ in 0..<5 { _ = try device.next("pushed") }
        }
        let record = try record(hub)
        #expect(record.head["body"] as? String == "merged")
        let bodies = Set(record.siblings.compactMap { $0["body"] as? String })
        #expect(bodies == Set(["lap", "pho"].flatMap { name in (0..<5).map { "\(name)\($0)" } }))
    }

    @Test("a resolution that is wrong is rejected by itself, with the field that is wrong")
    func wrongResolutions() throws {
        let hub = try TestHub()
        _ = try racing(hub)
        let good: [String: Any] = ["kind": "note", "id": "a", "supersedes": [["l": 1]]]
        func with(_ fields: [String: Any]) -> [String: Any] { good.merging(fields) { $1 } }
        let items = try resolve(
            hub,
            [
                good, with(["keep": ["l": 1], "body": 1]), with(["keep": ["l": 2]]),
                with(["supersedes": [], "body": 1]),
                with(["supersedes": [["zz": 1]], "body": 1]), with(["id": "none", "body": 1]),
                with(["kind": 7, "body": 1]),
                with(["keep": 1]), with(["deleted": "yes"]),
            ])
        #expect(
            items.map { $0["error"] as? String } == [
                "missing_field", "bad_field", "unknown_version", "missing_field", "unknown_version", "unknown_version",
                "bad_field", "bad_clock", "bad_field",
            ])
        #expect(items.allSatisfy { $0["verdict"] as? String == "rejected" })
        for (body, status, code) in [
            (#"{"resolutions":[]}"#, 200, nil), ("{}", 422, "missing_field"), ("[]", 400, "bad_frame"),
            (#"{"resolutions":{}}"#, 422, "bad_field"), (#"{"resolutions":[],"id":1}"#, 422, "bad_field"),
            ("{", 400, "bad_json"),
            (#"{"resolutions":[\#(Array(repeating: "1", count: 65).joined(separator: ","))]}"#, 413, "too_large"),
        ] as [(String, Int, String?)] {
            let answer = try hub.request("POST", "/v1/resolve", body: body, fields: "X-Carillon-Device: d\r\n")
            #expect(answer.status == status, "\(body) \(answer.body)")
            #expect(try object(answer.body)["code"] as? String == code)
        }
        #expect(try hub.request("POST", "/v1/resolve", body: #"{"resolutions":[]}"#).status == 422)
    }

    @Test("pages of conflicts go on where they stopped, and another user sees none")
    func pages() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let kinds = ["note", "task"]
        for kind in kinds {
            let changes = (0..<7).flatMap { number in
                ["l", "p"].map { change("\(number)", [$0: 1], $0, kind: kind) }
            }
            try laptop.push(changes + [change("calm", ["l": 1], 1, kind: kind)])
        }
        var seen: [String] = []
        var after = ""
        repeat {
            let page = try object(try hub.request("GET", "/v1/conflicts?limit=3&after=\(after)").body)
            let found = try #require(page["conflicts"] as? [[String: Any]])
            seen += found.map { "\($0["kind"] ?? "")\($0["id"] ?? "")" }
            after = page["next"] as? String ?? ""
        } while !after.isEmpty
        #expect(seen == kinds.flatMap { kind in (0..<7).map { "\(kind)\($0)" } })
        #expect(try conflicts(hub, "?kind=task").count == 7)
        #expect(try conflicts(hub, "?kind=tas").isEmpty)
        let eve = try hub.newKey(user: "eve")
        #expect(try object(try hub.request("GET", "/v1/conflicts", key: eve).body)["conflicts"] as? [Int] == [])
        #expect(try hub.request("GET", "/v1/conflicts?after=n1.6e").status == 400)
        #expect(try hub.request("GET", "/v1/conflicts?limit=1001").status == 422)
    }
}
