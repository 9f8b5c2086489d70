import Foundation
import Hub
import HubTesting
import Reactor
import Testing

@Suite("Pages in browsers", .timeLimit(.minutes(5)))
struct OriginTests {
    private static let site = "https://app.example.org"

    private func upgrade(_ hub: TestHub, host: String, _ fields: String) throws -> (Int, String) {
        let peer = try SocketPeer(port: hub.port)
        try peer.write(
            Opening.upgrade.replacingOccurrences(of: "Host: localhost", with: "Host: \(host)") + fields + "\r\n")
        let head = try peer.read(until: "\r\n\r\n")
        return (Int(head.split(separator: " ")[1]) ?? 0, head)
    }

    private func count(_ hub: TestHub) -> Int { hub.hub.metrics.refusals[.origin] ?? 0 }

    @Test("a page of another site opens no socket and asks nothing, and it is counted")
    func otherSites() throws {
        let hub = try TestHub()
        let others = [
            "https://evil.example", "http://evil.example:\(hub.port)", "null", "file://", "", "http://localhost:1",
            "http://localhost:\(hub.port).evil.example", "http://localhost:\(hub.port)@evil.example",
            "http://xlocalhost:\(hub.port)", "ftp://localhost:\(hub.port)", "http://localhost:\(hub.port)/",
            "http://localhost:\(hub.port) http://evil.example", "http://LOCALHOST:\(hub.port + 1)", "*",
        ]
        for origin in others {
            let (status, head) = try upgrade(hub, host: "localhost:\(hub.port)", "Origin: \(origin)\r\n")
            #expect(status == 403 && !head.contains("Access-Control"), "\(origin)")
            let answer = try hub.request("GET", "/v1/status", fields: "Origin: \(origin)\r\n")
            #expect(answer.status == 403 && answer.body.contains(#""code":"origin_not_allowed""#), "\(origin)")
            #expect(origin.isEmpty || origin == "*" || !answer.body.contains(origin))
        }
        #expect(count(hub) == 2 * others.count)
        let twice = "Origin: http://localhost:\(hub.port)\r\nOrigin: https://evil.example\r\n"
        #expect(try upgrade(hub, host: "localhost:\(hub.port)", twice).0 == 403)
        try hub.expectWell()
    }

    @Test("a page of the hub's own address may, and so does whoever says no origin")
    func ownSite() throws {
        let hub = try TestHub()
        for (host, origin) in [
            ("localhost:\(hub.port)", "http://localhost:\(hub.port)"),
            ("LocalHost:\(hub.port)", "http://localhost:\(hub.port)"),
            ("hub.localhost:\(hub.port)", "http://hub.localhost:\(hub.port)"),
            ("127.0.0.1:\(hub.port)", "http://127.0.0.1:\(hub.port)"),
            ("[::1]:\(hub.port)", "http://[::1]:\(hub.port)"), ("localhost", "http://localhost"),
            ("localhost:80", "http://localhost"),
            // A proxy with TLS stands before it.
            ("hub.example.org", "https://hub.example.org"), ("hub.example.org:443", "https://hub.example.org"),
        ] {
            #expect(try upgrade(hub, host: host, "Origin: \(origin)\r\n").0 == 101, "\(host) \(origin)")
        }
        #expect(try upgrade(hub, host: "anything.example", "").0 == 101)
        #expect(count(hub) == 0)
    }

    @Test("a site whose name was made to lead to a loopback address is not the hub's own")
    func rebinding() throws {
        let hub = try TestHub()
        let name = "rebound.example:\(hub.port)"
        let (status, _) = try upgrade(hub, host: name, "Origin: http://\(name)\r\n")
        #expect(status == 403)
        // A socket that was handed over says where the hub is, whatever it was told to bind.
        let listener = try ListeningSocket.bind(to: .ipv4(port: 0))
        let inherited = try TestHub {
            $0.address = .ipv4(0, 0, 0, 0, port: 0)
            $0.listener = listener
        }
        #expect(try upgrade(inherited, host: name, "Origin: http://\(name)\r\n").0 == 403)
        let open = try TestHub { $0.address = .ipv4(0, 0, 0, 0, port: 0) }
        #expect(try upgrade(open, host: name, "Origin: http://\(name)\r\n").0 == 101)
        let listed = try TestHub { $0.origins = ["http://proxied.example"] }
        #expect(try upgrade(listed, host: "proxied.example", "Origin: http://proxied.example\r\n").0 == 101)
    }

    @Test("a site that was named may use sockets, requests and streams, its preflights are answered")
    func named() throws {
        let hub = try TestHub { $0.origins = [Self.site] }
        let from = "Origin: \(Self.site)\r\n"
        #expect(try upgrade(hub, host: "localhost", from).0 == 101)
        let asking = "Access-Control-Request-Method: DELETE\r\n"
        let preflight = try hub.request("OPTIONS", "/v1/devices/phone", key: "", fields: from + asking)
        #expect(preflight.status == 204)
        for line in [
            "Access-Control-Allow-Origin: \(Self.site)", "Access-Control-Allow-Methods: DELETE", "Vary: Origin",
            "Access-Control-Allow-Headers: Authorization, Content-Type, X-API-Key, X-Device-Id, X-Carillon-Device, "
                + "Idempotency-Key, Last-Event-ID",
        ] { #expect(preflight.head.contains(line + "\r\n"), "\(preflight.head)") }
        for (target, status) in [("/v1/status", 200), ("/v1/nothing", 404), ("/v1/status?key=x", 400)] {
            let answer = try hub.request("GET", target, fields: from)
            #expect(answer.status == status)
            #expect(answer.head.contains("Access-Control-Allow-Origin: \(Self.site)\r\n"), "\(target)")
            #expect(!answer.head.lowercased().contains("allow-credentials"))
        }
        let peer = try SocketPeer(port: hub.port)
        try peer.write(
            "GET /v1/changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\(from)"
                + "Authorization: Bearer \(hub.key)\r\n\r\n")
        #expect(try peer.read(until: "\r\n\r\n").contains("Access-Control-Allow-Origin: \(Self.site)\r\n"))
        #expect(try hub.request("GET", "/v1/status", fields: "Origin: https://evil.example\r\n").status == 403)
        #expect(try hub.request("GET", "/v1/status").head.contains("Vary: Origin\r\n"))
    }

    @Test("with * every page may, whatever it calls itself")
    func any() throws {
        let hub = try TestHub { $0.origins = ["*"] }
        for origin in ["null", "https://a.example"] {
            let answer = try hub.request("GET", "/v1/status", fields: "Origin: \(origin)\r\n")
            #expect(answer.status == 200)
            #expect(answer.head.contains("Access-Control-Allow-Origin: \(origin)\r\n"))
        }
    }

    @Test("what would change something and comes from another site without an origin is refused")
    func crossSite() throws {
        let hub = try TestHub()
        let cross = "Sec-Fetch-Site: cross-site\r\n"
        #expect(try hub.request("DELETE", "/v1/devices/x", fields: cross).status == 403)
        #expect(try hub.request("POST", "/v1/push", body: "{}", fields: cross).status == 403)
        #expect(try hub.request("GET", "/v1/status", fields: cross).status == 200)
        #expect(try hub.request("DELETE", "/v1/devices/x", fields: "Sec-Fetch-Site: same-origin\r\n").status != 403)
    }
}
