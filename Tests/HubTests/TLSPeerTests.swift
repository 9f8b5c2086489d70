import Foundation
import Hub
import HubTesting
import Reactor
import Testing

@Suite("Peers over TLS", .timeLimit(.minutes(5)))
struct TLSPeerTests {
    private func hub(_ tls: TestTLS, configure: (inout HubConfiguration) -> Void = { _ in }) throws -> TestHub {
        try TestHub {
            $0.tls = tls.server
            configure(&$0)
        }
    }

    private func scrape(_ hub: TestHub, tls: TLSOffer = TLSOffer()) throws -> PrometheusText {
        try PrometheusText(try TestHub.request(hub.port, hub.key, "GET", "/metrics", tls: tls).body)
    }

    private func handshakes(_ page: PrometheusText, _ result: String) throws -> Double {
        try page.value("carillon_tls_handshakes_total", ["result": result])
    }

    /// A record of 100 bytes with the beginning of a ClientHello of 508.
    private static let hello: [UInt8] = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3] + [UInt8](repeating: 7, count: 94)

    @Test(
        "a handshake that does not begin, comes in drops or stops in its middle ends in time", arguments: [0, 1, 105])
    func slowHandshake(_ stepBytes: Int) throws {
        let hub = try hub(TestTLS()) {
            $0.limits.sweepSeconds = 1
            $0.limits.handshakeSeconds = 1
        }
        let peer = try SocketPeer(port: hub.port)
        var rest = Self.hello[...]
        var isClosed = false
        for _ in 0..<40 where !isClosed {
            try? peer.write(Array(rest.prefix(stepBytes)))
            rest = rest.dropFirst(stepBytes)
            isClosed = peer.read(seconds: 0.2) == []
        }
        #expect(isClosed)
        let page = try scrape(hub)
        #expect(try page.value("carillon_rejected_total", ["reason": "handshake_timeout"]) == 1)
        #expect(try handshakes(page, "failed") == (stepBytes == 0 ? 0 : 1))
        #expect(try page.value("carillon_connections", ["kind": "http"]) == 1)
    }

    @Test("who stops sending in the middle of the handshake, or says so in a session, is let go")
    func halfClosed() throws {
        let hub = try hub(TestTLS())
        let peer = try SocketPeer(port: hub.port)
        try peer.write(Self.hello)
        peer.endWriting()
        #expect(peer.read() == [])
        let device = try hub.device("d", tls: TLSOffer())
        try device.catchUp()
        device.peer.sayGoodbye()
        while let bytes = device.peer.read(), !bytes.isEmpty {}
        #expect(device.peer.read() == [])
        let page = try scrape(hub)
        #expect(try handshakes(page, "failed") == 1 && handshakes(page, "done") == 2)
        #expect(try page.value("carillon_connections", ["kind": "socket"]) == 0)
    }

    @Test("HTTP without TLS is told to use https")
    func plain() throws {
        let hub = try hub(TestTLS())
        let answer = try SocketPeer(port: hub.port).exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(answer.status == 400 && answer.body.contains("https"))
        #expect(try handshakes(scrape(hub), "failed") == 1)
    }

    @Test("devices that move to their home shard hear one another live")
    func home() throws {
        let tls = try TestTLS()
        let hub = try TestHub(shardCount: 4) { $0.tls = tls.server }
        let devices = try (0..<8).map { try hub.device("d\($0)", tls: TLSOffer()) }
        for device in devices { try device.catchUp() }
        let body = String(repeating: "x", count: 40_000)
        for number in 1...8 { try devices[0].push([change("c\(number)", ["l": number], body)]) }
        for device in devices.dropFirst() { #expect(try device.changes(count: 8).count == 8) }
        let page = try scrape(hub)
        #expect(try handshakes(page, "done") == 9 && handshakes(page, "failed") == 0)
        #expect(try page.value("carillon_sent_bytes_total") > 7 * 8 * 40_000)
        #expect(try page.value("carillon_rooms") == 1)
    }

    @Test("each name has its certificate")
    func names() throws {
        let hub = try hub(TestTLS(["localhost", "second.test"]))
        for (asked, shown) in [
            ("localhost", "localhost"), ("second.test", "second.test"), ("third.test", "localhost"),
        ] {
            let peer = try SocketPeer(port: hub.port, tls: TLSOffer(name: asked))
            #expect(peer.shownName == shown)
            #expect(try peer.exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
        }
    }

    @Test("where certificates are required, a device comes by its own, and none or a stranger's opens nothing")
    func certificates() throws {
        let (tls, strangers) = (try TestTLS(clients: .required), try TestTLS())
        let hub = try hub(tls)
        let own = TLSOffer(certificate: try tls.client(uri: "carillon:ada/laptop"))
        let laptop = try TestDevice(port: hub.port, name: "laptop", tls: own)
        try laptop.catchUp()
        #expect(try laptop.push([change("a", ["l": 1], 1)]).first?["verdict"] as? String == "accepted")
        for offer in [TLSOffer(), TLSOffer(certificate: try strangers.client(uri: "carillon:ada/laptop"))] {
            // In TLS 1.3 a client hears of it only after its side of the handshake.
            #expect(throws: SocketPeer.Failure.self) {
                try TestHub.request(hub.port, hub.key, "GET", "/v1/status", tls: offer)
            }
        }
        let page = try scrape(hub, tls: own)
        #expect(try handshakes(page, "failed") == 2 && page.value("carillon_rejected_total", ["reason": "tls"]) == 2)
    }
}
