import Foundation
import Hub
import HubTesting
import Testing

/// Requests that two readers could understand differently, and paths that could lead out of where they belong.
@Suite("Smuggled requests and strange paths", .timeLimit(.minutes(5)))
struct SmugglingTests {
    private static let hidden = "GET /v1/status HTTP/1.1\r\nHost: hidden\r\n\r\n"

    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let fields: String
        var body = ""
        var status = 400
    }

    static let cases: [Case] = [
        Case(
            testDescription: "length and chunks", fields: "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            body: "0\r\n\r\n"),
        Case(
            testDescription: "chunks and length", fields: "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            body: "0\r\n\r\n"),
        Case(testDescription: "two lengths", fields: "Content-Length: 0\r\nContent-Length: 4\r\n", body: "abcd"),
        Case(testDescription: "two equal lengths", fields: "Content-Length: 4\r\nContent-Length: 4\r\n", body: "abcd"),
        Case(testDescription: "a list of lengths", fields: "Content-Length: 4, 4\r\n", body: "abcd"),
        Case(testDescription: "a signed length", fields: "Content-Length: +4\r\n", body: "abcd"),
        Case(testDescription: "a negative length", fields: "Content-Length: -1\r\n"),
        Case(testDescription: "a hexadecimal length", fields: "Content-Length: 0x4\r\n", body: "abcd"),
        Case(testDescription: "an empty length", fields: "Content-Length:\r\n"),
        Case(
            testDescription: "a length beyond all numbers",
            fields: "Content-Length: 99999999999999999999999999\r\n", status: 413),
        Case(
            testDescription: "chunked twice", fields: "Transfer-Encoding: chunked, chunked\r\n", body: "0\r\n\r\n"),
        Case(
            testDescription: "chunked in two lines",
            fields: "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n"),
        Case(
            testDescription: "another coding", fields: "Transfer-Encoding: gzip, chunked\r\n", body: "0\r\n\r\n",
            status: 501),
        Case(
            testDescription: "identity", fields: "Transfer-Encoding: identity\r\n", body: "0\r\n\r\n", status: 501),
        Case(
            testDescription: "a coding with a tab in its name", fields: "Transfer-Encoding:\tx\u{b}chunked\r\n",
            body: "0\r\n\r\n"),
        Case(testDescription: "space before the colon", fields: "Content-Length : 4\r\n", body: "abcd"),
        Case(testDescription: "a folded field", fields: "X-A: b\r\n Content-Length: 4\r\n", body: "abcd"),
        Case(testDescription: "a line end of LF alone", fields: "X-A: b\nContent-Length: 4\r\n", body: "abcd"),
        Case(testDescription: "a line end of CR alone", fields: "X-A: b\rContent-Length: 4\r\n", body: "abcd"),
        Case(testDescription: "NUL in a field", fields: "X-A: b\0c\r\n"),
        Case(testDescription: "a second host", fields: "Host: other\r\n"),
        Case(testDescription: "a field without a name", fields: ": 4\r\n"),
        Case(
            testDescription: "a chunk size with a sign", fields: "Transfer-Encoding: chunked\r\n",
            body: "+1\r\na\r\n0\r\n\r\n"),
        Case(
            testDescription: "a chunk size of 2^64", fields: "Transfer-Encoding: chunked\r\n",
            body: "10000000000000001\r\na\r\n0\r\n\r\n"),
        Case(
            testDescription: "a chunk that ends in LF", fields: "Transfer-Encoding: chunked\r\n",
            body: "1\na\r\n0\r\n\r\n"),
    ]

    @Test("a request with two meanings has none, and what follows it is not read", arguments: cases)
    func twoMeanings(smuggled: Case) throws {
        let hub = try TestHub()
        let peer = try SocketPeer(port: hub.port)
        let answer = try peer.exchange(
            "POST /v1/push HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(hub.key)\r\n\(smuggled.fields)\r\n"
                + smuggled.body + Self.hidden)
        #expect(answer.status == smuggled.status, "\(answer.head)")
        #expect(answer.head.lowercased().contains("connection: close"))
        // No second answer.
        var rest = peer.takeInput()
        while let more = peer.read(seconds: 5), !more.isEmpty { rest += more }
        #expect(rest.isEmpty, "\(String(decoding: rest, as: UTF8.self))")
        #expect(!hub.hub.metrics.refusals.isEmpty)
        try hub.expectWell()
    }

    @Test("no path leads anywhere but to a route, and a name in it stays a name")
    func paths() throws {
        let hub = try TestHub()
        for (target, status) in [
            ("/../../etc/passwd", 404), ("/v1/../../../etc/passwd", 404), ("/%2e%2e/%2e%2e/etc/passwd", 404),
            ("/v1/records/..%2f..%2fetc/passwd", 404), ("/v1/records/note/..%2f..%2f..%2fetc%2fpasswd", 404),
            ("/v1/records/../status", 404), ("/v1/records/note/%2e%2e", 404), ("//v1//status", 200),
            ("/v1/status/", 200), ("/v1/%73tatus", 404), ("/v1\\status", 404), ("/v1/records/note/%00", 422),
            ("/v1/records/note/a%00b", 422), ("/v1/records/note/%0d%0aSet-Cookie:%20a=b", 422),
            ("/v1/records/note/%c0%af", 422), ("/v1/records/note/%ed%a0%80", 422), ("/v1/records/note/%zz", 422),
            ("/v1/records/note/%", 422), ("/v1/records/note/%c0%ae%c0%ae%c0%af", 422),
            ("/v1/records/note/" + String(repeating: "a", count: 257), 422),
            ("/v1/records/" + String(repeating: "a/", count: 3_000), 404),
            ("/v1/status;a=b", 404), ("/.git/config", 404), ("/carillon.db", 404), ("/first-key", 404),
        ] {
            let answer = try hub.request("GET", target)
            #expect(answer.status == status, "\(target.prefix(60)): \(answer.body.prefix(200))")
            #expect(!answer.head.contains("Set-Cookie"))
        }
        for target in ["/v1/status#x", "/v1/ status", "v1/status", "/caf\u{e9}", "http://", "http://a@h/", "*", "/\0"] {
            #expect(try hub.request("GET", target).status == 400, "\(target)")
        }
        try hub.expectWell()
    }

    @Test("a name that is a path to somebody is a name to the hub")
    func names() throws {
        let hub = try TestHub()
        let device = try hub.device("../../../tmp/evil")
        try device.hello()
        let items = try device.push([change("../../etc/passwd", ["e": 1], 1, kind: "..")])
        #expect(items[0]["verdict"] as? String == "accepted")
        let answer = try hub.request("GET", "/v1/records/../..%2f..%2fetc%2fpasswd")
        #expect(answer.status == 200 && answer.body.contains("etc/passwd"))
    }
}
