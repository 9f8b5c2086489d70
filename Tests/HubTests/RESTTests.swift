import Causality
import Foundation
import Hub
import HubTesting
import Testing

@Suite("REST", .timeLimit(.minutes(5)))
struct RESTTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("a push over REST reaches sockets, and pull pages through it by cursor")
    func pushAndPull() throws {
        let hub = try TestHub()
        let phone = try hub.device("phone")
        try phone.catchUp()
        let changes = (0..<25).map { #"{"kind":"note","id":"\#($0)","clock":{"l":1},"body":{"n":\#($0)}}"# }
        let pushed = try hub.request(
            "POST", "/v1/push", body: #"{"id":"p","changes":[\#(changes.joined(separator: ","))]}"#,
            fields: "X-Carillon-Device: laptop\r\n")
        #expect(pushed.status == 200)
        #expect(try phone.changes(count: 25).count == 25)
        var cursor = ""
        var ids: [String] = []
        var hasMore = true
        while hasMore {
            let page = try object(try hub.request("GET", "/v1/pull?limit=10&cursor=\(cursor)").body)
            ids += (page["changes"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
            cursor = try #require(page["cursor"] as? String)
            hasMore = try #require(page["has_more"] as? Bool)
        }
        #expect(ids == (0..<25).map(String.init))
    }

    @Test("a body comes back byte for byte")
    func bytes() throws {
        let hub = try TestHub()
        let body = #"{ "ü" :1.0e2,"z": [ ],"u":"\u00e9\u0000" }"#
        _ = try hub.request(
            "POST", "/v1/push", body: #"{"changes":[{"kind":"k","id":"a/b","clock":{"l":1},"body":\#(body)}]}"#,
            fields: "X-Carillon-Device: laptop\r\n")
        let record = try hub.request("GET", "/v1/records/k/a%2Fb")
        #expect(record.status == 200)
        #expect(record.body.contains(body))
    }

    @Test("another user's records, devices and cursors are not reachable")
    func isolation() throws {
        let hub = try TestHub()
        let eve = try hub.newKey(user: "eve")
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        try laptop.push([change("secret", ["l": 1], "x")])
        let evesDevice = try hub.device("laptop", key: eve)
        #expect(try evesDevice.catchUp().isEmpty)
        #expect(evesDevice.replica != laptop.replica)
        #expect(try hub.request("GET", "/v1/records/note/secret", key: eve).status == 404)
        let status = try hub.request("GET", "/v1/status", key: eve).body
        #expect(!status.contains(laptop.replica))
        // The same id pushed by Eve is a record of her own.
        #expect(try evesDevice.push([change("secret", ["e": 1], "mine")])[0]["verdict"] as? String == "accepted")
        #expect(try hub.request("GET", "/v1/records/note/secret").body.contains("\"x\""))
        let cursor = try #require(try object(try hub.request("GET", "/v1/status").body)["cursor"] as? String)
        #expect(try hub.request("GET", "/v1/pull?cursor=\(cursor)", key: eve).status == 400)
    }

    @Test("a revoked key opens nothing and ends its live sessions")
    func revocation() throws {
        let hub = try TestHub { $0.limits.revocationSeconds = 1 }
        let phone = try hub.device("phone")
        try phone.catchUp()
        let prefix = String(hub.key.dropFirst(4).prefix(8))
        #expect(try hub.accounts.revokeKey(prefix: prefix))
        #expect(try phone.next("error")["code"] as? String == "unauthorized")
        #expect(try phone.nextFrame() == nil)
        #expect(try hub.request("GET", "/v1/status").status == 401)
    }

    @Test("registering a device again gives it another name in clocks")
    func registration() throws {
        let hub = try TestHub()
        let first = try hub.request("POST", "/v1/devices", body: #"{"id":"phone","platform":"linux"}"#)
        let second = try hub.request("POST", "/v1/devices", body: #"{"id":"phone"}"#)
        #expect(first.status == 201 && second.status == 201)
        let replicas = try [first, second].map { try object($0.body)["replica"] as? String }
        #expect(replicas[0] != replicas[1])
        let phone = try hub.device("phone")
        try phone.hello()
        #expect(phone.replica == replicas[1])
    }

    @Test("errors are problem details with a code and a remedy")
    func problems() throws {
        let hub = try TestHub()
        for (method, target, body, status, code) in [
            ("GET", "/nowhere", "", 404, "not_found"), ("PUT", "/v1/push", "", 405, "method_not_allowed"),
            ("POST", "/v1/push", "{", 400, "bad_json"), ("GET", "/v1/pull?cursor=x", "", 400, "bad_cursor"),
            ("GET", "/v1/pull?limit=0", "", 422, "bad_field"), ("POST", "/v1/devices", "[]", 400, "bad_frame"),
        ] {
            let answer = try hub.request(method, target, body: body)
            #expect(answer.status == status, "\(method) \(target)")
            #expect(answer.head.contains("application/problem+json"))
            #expect(answer.head.contains("Allow: POST") == (status == 405))
            let problem = try object(answer.body)
            #expect(problem["code"] as? String == code)
            #expect((problem["remedy"] as? String)?.isEmpty == false)
        }
    }

    @Test("health and readiness need no key, and requests on one connection are answered in order")
    func pipelining() throws {
        let hub = try TestHub()
        let peer = try SocketPeer(port: hub.port)
        let request = { (path: String) in "GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n" }
        try peer.write(request("/health") + request("/ready") + request("/nowhere"))
        let answers = try (0..<3).map { _ in try peer.exchange("") }
        #expect(answers.map(\.status) == [200, 200, 404])
        #expect(answers[1].body.contains("ready"))
    }
}
