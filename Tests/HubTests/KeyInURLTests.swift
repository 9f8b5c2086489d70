import Foundation
import Hub
import HubTesting
import Testing

@Suite("Keys in URLs", .timeLimit(.minutes(5)))
struct KeyInURLTests {
    @Test(
        "a key in the query is refused with what to do, and is not told again",
        arguments: ["key", "api_key", "API_KEY", "apikey", "token", "access_token", "%6bey", "password"])
    func refused(name: String) throws {
        let hub = try TestHub()
        for target in ["/v1/status?\(name)=", "/v1/socket?a=b&\(name)=", "/v1/changes?\(name)=", "/nothing?\(name)="] {
            let answer = try SocketPeer(port: hub.port).exchange(
                "GET \(target)\(hub.key) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer.status == 400 && answer.body.contains(#""code":"key_in_url""#), "\(target)")
            #expect(answer.body.contains("Authorization: Bearer KEY"))
            #expect(!(answer.head + answer.body).contains(hub.key.suffix(43)))
        }
        #expect(hub.hub.metrics.refusals[.keyInURL] == 4)
    }

    @Test("where it is allowed, a browser's stream and socket take it, and nothing else does")
    func allowed() throws {
        let hub = try TestHub { $0.allowsKeyInURL = true }
        let events = try SocketPeer(port: hub.port)
        try events.write(
            "GET /v1/changes?kinds=note&key=\(hub.key) HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n")
        #expect(try events.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
        let socket = try SocketPeer(port: hub.port)
        try socket.write(
            Opening.upgrade.replacingOccurrences(of: "/v1/socket", with: "/v1/socket?key=\(hub.key)") + "\r\n")
        #expect(try socket.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101"))
        for target in ["/v1/status?key=\(hub.key)", "/v1/changes?token=\(hub.key)"] {
            let answer = try SocketPeer(port: hub.port).exchange("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer.status == 400)
        }
        for key in ["", "nonsense", "car_12345678_\(String(repeating: "x", count: 43))"] {
            let answer = try SocketPeer(port: hub.port).exchange(
                "GET /v1/changes?key=\(key) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer.status == 401, "\(key)")
        }
        // A field wins.
        let both = try SocketPeer(port: hub.port).exchange(
            "GET /v1/changes?key=\(hub.key) HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer no\r\n\r\n")
        #expect(both.status == 401)
    }
}
