import Compression
import Foundation
import HTTP
import HTTPTypes
import Hub
import HubTesting
import Reactor
import Testing
import WebSocket

/// gzip and compressed messages where a dialect speaks.
@Suite("Compression for dialects", .timeLimit(.minutes(5)))
struct CodedDialectTests {
    private static func gzip(_ plain: [UInt8]) throws -> [UInt8] {
        Gzip.member(of: plain, by: try Deflater(.deflate(windowBits: 15), level: 6))
    }

    private static func put(_ hub: TestHub, _ fields: String) -> [UInt8] {
        Array(
            ("PUT /probe HTTP/1.1\r\nHost: localhost\r\nX-API-Key: \(hub.key)\r\nContent-Encoding: gzip\r\n"
                + "Connection: close\r\n\(fields)\r\n\r\n").utf8)
    }

    private static func chunked(_ body: [UInt8], step: Int) -> [UInt8] {
        stride(from: 0, to: body.count, by: step).flatMap { start in
            let piece = body[start..<min(start + step, body.count)]
            return Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8)
        } + Array("0\r\n\r\n".utf8)
    }

    private static func all(_ peer: SocketPeer) -> [UInt8] {
        var bytes: [UInt8] = peer.takeInput()
        while let more = peer.read(), !more.isEmpty { bytes += more }
        return bytes
    }

    private static func text(_ peer: SocketPeer) -> String { String(decoding: all(peer), as: UTF8.self) }

    @Test(
        "a body that comes as gzip reaches its route whole, in memory or in a file",
        arguments: [0, 999, 1_001, 50_003, 3_000_000])
    func codedBodies(count: Int) throws {
        let hub = try TestHub.probing {
            // What is sent is far below the bound where what comes of it is far above.
            $0.limits.dialectMemoryBodyBytesMax = 1_000
            $0.limits.spoolPieceBytes = 3_000
            $0.limits.spoolAheadBytesMax = 6_000
        }
        let coded = try Self.gzip(ProbeDialect.body(count))
        for step in [0, 1, 777] where step != 1 || count < 10_000 {
            let peer = try SocketPeer(port: hub.port)
            if step == 0 {
                try peer.write(Self.put(hub, "Content-Length: \(coded.count)") + coded)
            } else {
                try peer.write(Self.put(hub, "Transfer-Encoding: chunked") + Self.chunked(coded, step: step))
            }
            let answer = Self.text(peer)
            #expect(answer.hasPrefix("HTTP/1.1 200"), "\(step): \(answer.prefix(200))")
            #expect(answer.hasSuffix("probe: \(count) true"))
        }
    }

    @Test("who waits to be told to send is told, and its gzip read; one whose coding is not known is never told")
    func expectations() throws {
        let hub = try TestHub.probing()
        let coded = try Self.gzip(ProbeDialect.body(5_000))
        let peer = try SocketPeer(port: hub.port)
        try peer.write(Self.put(hub, "Transfer-Encoding: chunked\r\nExpect: 100-continue"))
        #expect(try peer.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100"))
        try peer.write(Self.chunked(coded, step: 100))
        #expect(Self.text(peer).hasSuffix("probe: 5000 true"))
        for coding in ["br", "gzip, gzip", "gzip\r\nContent-Encoding: gzip", "deflate"] {
            let other = try SocketPeer(port: hub.port)
            try other.write(
                "PUT /probe HTTP/1.1\r\nHost: localhost\r\nX-API-Key: \(hub.key)\r\nContent-Encoding: \(coding)\r\n"
                    + "Content-Length: 5000\r\nExpect: 100-continue\r\n\r\n")
            let answer = Self.text(other)
            #expect(answer.hasPrefix("HTTP/1.1 415"), "\(coding)")
            #expect(answer.contains("Accept-Encoding: gzip"))
        }
    }

    @Test("a bomb that goes to a file is refused in the dialect's words, and leaves none")
    func bombs() throws {
        let hub = try TestHub.probing(ProbeDialect(bodyBytesMax: 4 << 20)) {
            $0.limits.dialectMemoryBodyBytesMax = 1_000
        }
        for plain in [[UInt8](repeating: 0, count: 64 << 20), [UInt8](repeating: 0, count: 3 << 20)] {
            let coded = try Self.gzip(plain)
            let peer = try SocketPeer(port: hub.port)
            try peer.write(Self.put(hub, "Content-Length: \(coded.count)") + coded)
            let answer = Self.text(peer)
            #expect(answer.hasPrefix("HTTP/1.1 413"), "\(answer.prefix(100))")
            #expect(answer.contains("probe: too large"))
        }
        #expect(hub.hub.metrics.refusals[.inflatedTooLarge] == 2)
    }

    @Test("a dialect's answer comes as gzip to whom that pleases")
    func codedAnswers() throws {
        let hub = try TestHub.probing()
        let peer = try SocketPeer(port: hub.port)
        try peer.write(
            "GET /probe/5000 HTTP/1.1\r\nHost: localhost\r\nX-API-Key: \(hub.key)\r\nAccept-Encoding: gzip\r\n"
                + "Connection: close\r\n\r\n")
        let bytes = Self.all(peer)
        var parser = ResponseParser()
        var (body, coding): ([UInt8], String?) = ([], nil)
        try bytes.withUnsafeBytes {
            parser.receive($0)
            while let event = try parser.next() {
                switch event {
                case .head(let head): coding = head.field(.contentEncoding)
                case .body(let piece): body += piece
                case .end: return
                }
            }
        }
        #expect(coding == "gzip")
        let inflater = try Inflater(.gzip)
        inflater.begin(within: InflateBound(bytesMax: 1 << 20))
        var plain: [UInt8] = []
        try body.withUnsafeBytes { try inflater.inflate($0) { plain += $0 } }
        #expect(plain == ProbeDialect.body(5_000))
    }

    @Test("a dialect's socket speaks compressed with whom that pleases, and tells everybody the same")
    func sockets() throws {
        let hub = try TestHub.probing { $0.limits.socketMessagesPerMinuteMax = 3 }
        let target = "/listen?api_key=\(hub.key)"
        let plain = try ProbeSocket(port: hub.port, target)
        let deflated = try ProbeSocket(port: hub.port, target, deflate: DeflateOffer())
        #expect(!plain.isCompressed && deflated.isCompressed)
        for socket in [plain, deflated] { #expect(try socket.next() == "hello ada") }
        let device = try hub.device("laptop", key: hub.key)
        try device.hello()
        try device.push((0..<30).map { change("n\($0)", [device.replica: 1], 1) })
        var told: [[String]] = []
        for socket in [plain, deflated] {
            var lines: [String] = []
            while lines.count < 30, let text = try socket.next() { lines += text.components(separatedBy: "\n") }
            told.append(lines)
        }
        #expect(told[0] == told[1])
        #expect(told[0] == [String](repeating: "note laptop first", count: 30))
        #expect(deflated.compressedCount > 0)
        // What it says is counted as any other's is.
        for _ in 0..<4 { try deflated.send(String(repeating: "something ", count: 20)) }
        #expect(try deflated.next() == nil)
        #expect(deflated.closeCode == 1008)
    }
}
