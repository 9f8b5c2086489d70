import Causality
import Foundation
import Hub
import HubTesting
import Reactor
import SQLiteStore
import Storage
import Testing

/// A request that comes again gets the answer that the first one got, or would have got.
@Suite("Requests that come again", .timeLimit(.minutes(5)))
struct IdempotencyTests {
    private static let device = "X-Carillon-Device: laptop\r\n"

    private func push(_ hub: TestHub, _ body: String, to path: String = "/v1/push") throws -> String {
        let answer = try hub.request("POST", path, body: body, fields: IdempotencyTests.device)
        #expect(answer.status == 200, "\(answer.body)")
        return answer.body
    }

    private func item(_ id: String, _ replica: String, _ counter: Int, _ body: String = "1") -> String {
        #"{"kind":"note","id":"\#(id)","clock":{"\#(replica)":\#(counter)},"body":\#(body)}"#
    }

    @Test("pushes and resolves of one id and content are answered alike, byte by byte, and after a restart too")
    func answersAreKept() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "hub.db").path
        let hub = try TestHub(store: try SQLiteStore(path: path))
        _ = try push(hub, #"{"changes":[\#(item("a", "e", 1)),\#(item("b", "e", 2))]}"#)
        let requests = [
            // Accepted, conflict, stale, duplicate, and one that is rejected by itself.
            (
                "/v1/push",
                #"{"id":"1","changes":[\#(item("n", "l", 1)),\#(item("a", "l", 1, "2")),\#(item("b", "e", 1)),"#
                    + #"\#(item("b", "e", 2)),{"kind":"note","id":"x"}]}"#
            ),
            ("/v1/push", #"{"id":"2","atomic":true,"changes":[\#(item("m", "l", 1)),\#(item("b", "l", 3, "9"))]}"#),
            ("/v1/push", #"{"id":"3","force":true,"changes":[\#(item("b", "l", 4, "7"))]}"#),
            (
                "/v1/resolve",
                #"{"id":"3","resolutions":[{"kind":"note","id":"a","supersedes":[{"e":1},{"l":1}],"#
                    + #""keep":{"l":1}},{"kind":"note","id":"a","supersedes":[{"none":1}],"deleted":true}]}"#
            ),
        ]
        // Each is asked twice at once: what the answers carry of stored versions is that of the moment.
        var last: [String] = []
        for (path, body) in requests {
            let first = try push(hub, body, to: path)
            #expect(try push(hub, body, to: path) == first)
            last.append(first)
        }
        #expect(last[0].contains(#""verdict":"conflict""#) && last[0].contains(#""error":"missing_field""#))
        #expect(last[1].contains("atomic_aborted") && last[2].contains("forced") && last[3].contains("resolved"))
        let log = try hub.request("GET", "/v1/pull").body
        hub.stop()
        let store = try SQLiteStore(path: path)
        let again = try TestHub(store: store, user: "other")
        let key = try again.accounts.createKey(user: "ada", label: "again").text
        for index in [2, 3] {
            let (path, body) = requests[index]
            let answer = try again.request("POST", path, body: body, key: key, fields: IdempotencyTests.device)
            #expect(answer.body == last[index])
        }
        #expect(try again.request("GET", "/v1/pull", key: key).body == log)
    }

    @Test("another content under the same id is another push, and so is the same of another device or without an id")
    func otherPushes() throws {
        let hub = try TestHub()
        let body = #"{"id":"p","changes":[\#(item("a", "l", 1))]}"#
        #expect(try push(hub, body).contains("first_version"))
        #expect(try push(hub, #"{"id":"p","changes":[\#(item("a", "l", 2, "2"))]}"#).contains("newer"))
        #expect(try push(hub, body).contains("first_version"))
        let other = try hub.request("POST", "/v1/push", body: body, fields: "X-Carillon-Device: phone\r\n")
        #expect(other.body.contains("older"))
        let nameless = #"{"changes":[\#(item("a", "l", 2, "2"))]}"#
        #expect(try push(hub, nameless).contains("same_version") && push(hub, nameless).contains("same_version"))
    }

    @Test("one request sent many times at once is done once")
    func atOnce() throws {
        let hub = try TestHub()
        let phone = try hub.device("phone")
        try phone.catchUp()
        let body = #"{"id":"p","changes":[\#(item("a", "l", 1)),\#(item("b", "l", 1))]}"#
        let answers = Guarded<Set<String>>([])
        let (port, key) = (hub.port, hub.key)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            do {
                let answer = try TestHub.request(
                    port, key, "POST", "/v1/push", body: body, fields: IdempotencyTests.device)
                answers.withLock { _ = $0.insert(answer.body) }
            } catch {
                Issue.record(error)
            }
        }
        #expect(answers.withLock { $0.count } == 1)
        _ = try push(hub, #"{"changes":[\#(item("c", "l", 1))]}"#)
        #expect(try phone.changes(count: 3).map { $0["id"] as? String } == ["a", "b", "c"])
    }

    @Test("a device registered under a key is registered once")
    func registration() throws {
        let hub = try TestHub()
        func register(_ key: String?, status: Int = 201) throws -> String {
            let fields = key.map { "Idempotency-Key: \($0)\r\n" } ?? ""
            let answer = try hub.request("POST", "/v1/devices", body: #"{"id":"phone","name":"P"}"#, fields: fields)
            #expect(answer.status == status)
            return answer.body
        }
        let first = try register("k1")
        #expect(try register("k1") == first)
        // A hello is not a registration: the key still finds it.
        let phone = try hub.device("phone")
        try phone.catchUp()
        #expect(first.contains(phone.replica))
        #expect(try register("k1").contains(phone.replica))
        let second = try register("k2")
        #expect(!second.contains(phone.replica))
        #expect(try register(nil) != second)
        for key in [String(repeating: "k", count: 129), "", "a b", "caf\u{e9}"] { _ = try register(key, status: 422) }
    }
}
