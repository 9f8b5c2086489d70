import Compression
import Foundation
import HTTP
import Hub
import HubTesting
import Testing

/// gzip of answers and of requests (RFC 9110 8.4, RFC 7694).
@Suite("Coded bodies")
struct CodedBodyTests {
    private struct Answer {
        var status = 0
        var fields: [String: String] = [:]
        var body: [UInt8] = []
    }

    private static func exchange(
        _ hub: TestHub, _ method: String, _ target: String, body: [UInt8] = [], fields: String = ""
    ) throws -> Answer {
        let peer = try SocketPeer(port: hub.port)
        try peer.write(
            Array(
                ("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(hub.key)\r\n"
                    + "\(fields)Content-Length: \(body.count)\r\nConnection: close\r\n\r\n").utf8) + body)
        var bytes: [UInt8] = []
        while let more = peer.read(), !more.isEmpty { bytes += more }
        var answer = Answer()
        for line in String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n").dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { break }
            answer.fields[line[..<colon].lowercased(), default: ""] += line[colon...].dropFirst(2)
        }
        var parser = ResponseParser()
        try bytes.withUnsafeBytes {
            parser.receive($0)
            while method != "HEAD" || answer.status == 0, let event = try parser.next() {
                switch event {
                case .head(let head): answer.status = head.status
                case .body(let piece): answer.body += piece
                case .end: return
                }
            }
        }
        return answer
    }

    private static func inflated(_ bytes: [UInt8]) throws -> [UInt8] {
        let inflater = try Inflater(.gzip)
        inflater.begin(within: InflateBound(bytesMax: 64 << 20))
        var plain: [UInt8] = []
        try bytes.withUnsafeBytes { try inflater.inflate($0) { plain += $0 } }
        #expect(inflater.isWhole)
        return plain
    }

    private static func gzip(_ text: String) throws -> [UInt8] {
        Gzip.member(of: Array(text.utf8), by: try Deflater(.deflate(windowBits: 15), level: 9))
    }

    private static func push(_ count: Int) -> String {
        let changes = (0..<count).map {
            "{\"kind\":\"note\",\"id\":\"n\($0)\",\"clock\":{\"a\":1},\"body\":{\"text\":\"a note that is like others\"}}"
        }
        return "{\"changes\":[\(changes.joined(separator: ","))]}"
    }

    private static let device = "X-Carillon-Device: a\r\nContent-Type: application/json\r\n"

    private func filled() throws -> TestHub {
        let hub = try TestHub()
        let answer = try Self.exchange(
            hub, "POST", "/v1/push", body: try Self.gzip(Self.push(300)),
            fields: Self.device + "Content-Encoding: gzip\r\n")
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        return hub
    }

    @Test("a page comes as gzip to whom that pleases, and says that it has two forms to everybody")
    func answers() throws {
        let hub = try filled()
        let plain = try Self.exchange(hub, "GET", "/v1/changes?wait=0")
        #expect(plain.fields["content-encoding"] == nil)
        #expect(plain.fields["vary"]?.contains("Accept-Encoding") == true)
        for accepted in ["gzip", "br, GZIP;q=0.5", "*", "x-gzip, identity;q=0.9", "gzip;q=1.000"] {
            let answer = try Self.exchange(
                hub, "GET", "/v1/changes?wait=0", fields: "Accept-Encoding: \(accepted)\r\n")
            #expect(answer.fields["content-encoding"] == "gzip", "\(accepted)")
            #expect(answer.body.count < plain.body.count / 4)
            #expect(try Self.inflated(answer.body) == plain.body)
        }
        for refused in ["gzip;q=0", "br", "gzip;q=0.2, identity", "gzip;q=x", "*;q=0", "gzip;q=1.5"] {
            let answer = try Self.exchange(
                hub, "GET", "/v1/changes?wait=0", fields: "Accept-Encoding: \(refused)\r\n")
            #expect(answer.body == plain.body, "\(refused)")
        }
        let small = try Self.exchange(hub, "GET", "/v1/changes?wait=0&limit=1", fields: "Accept-Encoding: gzip\r\n")
        #expect(small.fields["content-encoding"] == nil)
        let off = try TestHub { $0.compression.isOffered = false }
        _ = try Self.exchange(off, "POST", "/v1/push", body: Array(Self.push(300).utf8), fields: Self.device)
        let never = try Self.exchange(off, "GET", "/v1/changes?wait=0", fields: "Accept-Encoding: gzip\r\n")
        #expect(never.fields["content-encoding"] == nil)
        #expect(never.body.count > 10_000)
    }

    @Test("an export is gzip from its first line to its last")
    func exports() throws {
        let hub = try filled()
        let plain = try Self.exchange(hub, "GET", "/v1/export")
        let answer = try Self.exchange(hub, "GET", "/v1/export", fields: "Accept-Encoding: gzip\r\n")
        #expect(answer.fields["content-encoding"] == "gzip")
        #expect(answer.body.count < plain.body.count / 4)
        #expect(try Self.inflated(answer.body) == plain.body)
        #expect(plain.body.last == UInt8(ascii: "\n"))
        let head = try Self.exchange(hub, "HEAD", "/v1/export", fields: "Accept-Encoding: gzip\r\n")
        #expect(head.fields["content-encoding"] == "gzip")
        #expect(head.body.isEmpty)
    }

    @Test("what is no gzip, is cut short or has anything behind it is refused")
    func badRequests() throws {
        let hub = try TestHub()
        let good = try Self.gzip(Self.push(3))
        let fields = Self.device + "Content-Encoding: gzip\r\n"
        for body in [Array("nonsense".utf8), Array(good.dropLast()), good + [0], Array(good.dropFirst())] {
            #expect(try Self.exchange(hub, "POST", "/v1/push", body: body, fields: fields).status == 400)
        }
        let unknown = try Self.exchange(
            hub, "POST", "/v1/push", body: good, fields: Self.device + "Content-Encoding: br\r\n")
        #expect(unknown.status == 415)
        #expect(unknown.fields["accept-encoding"] == "gzip")
        let twice = try Self.exchange(
            hub, "POST", "/v1/push", body: good, fields: Self.device + "Content-Encoding: gzip, gzip\r\n")
        #expect(twice.status == 415)
        #expect(try Self.exchange(hub, "POST", "/v1/push", body: good, fields: fields).status == 200)
    }

    @Test("members one behind the other are one body, and a header may say whatever it likes")
    func members() throws {
        let hub = try TestHub()
        let fields = Self.device + "Content-Encoding: gzip\r\n"
        let text = Self.push(3)
        let half = text.index(text.startIndex, offsetBy: text.count / 2)
        let (first, second) = (try Self.gzip(String(text[..<half])), try Self.gzip(String(text[half...])))
        let nothing = try Self.gzip("")
        let many = first + (0..<20_000).flatMap { _ in nothing } + second
        #expect(try Self.exchange(hub, "POST", "/v1/push", body: many, fields: fields).status == 200)
        // RFC 1952 2.3: extra fields, a name and a comment, of as many bytes as they like.
        let extra: [UInt8] = [0xFF, 0xFF] + [UInt8](repeating: 0x41, count: 65_535)
        let name = [UInt8](repeating: 0x42, count: 500_000) + [0]
        let header: [UInt8] = [0x1F, 0x8B, 8, 0x1C, 0, 0, 0, 0, 0, 0xFF] + extra + name + name
        let good = try Self.gzip(text)
        let long = header + good.dropFirst(Gzip.header.count)
        #expect(try Self.exchange(hub, "POST", "/v1/push", body: long, fields: fields).status == 200)
        #expect(try Self.exchange(hub, "POST", "/v1/push", body: header, fields: fields).status == 400)
        // Of a flag that does not exist, of another method, of a checksum and a length that are wrong.
        for (index, byte) in [(3, 0xE0), (2, 7), (good.count - 5, good[good.count - 5] ^ 1), (good.count - 1, 9)]
            as [(Int, UInt8)]
        {
            var wrong = good
            wrong[index] = byte
            #expect(try Self.exchange(hub, "POST", "/v1/push", body: wrong, fields: fields).status == 400, "\(index)")
        }
    }

    @Test("a body for which there is no room is refused once, whatever is wrong behind that")
    func onceOnly() throws {
        let hub = try TestHub { $0.limits.requestBodiesBytesMax = 100_000 }
        let body = try Self.gzip(String(repeating: " ", count: 200_000)) + Array("nonsense".utf8)
        let peer = try SocketPeer(port: hub.port)
        try peer.write(
            Array(
                ("POST /v1/push HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(hub.key)\r\n\(Self.device)"
                    + "Content-Encoding: gzip\r\nContent-Length: \(body.count)\r\n\r\n").utf8) + body)
        var answer: [UInt8] = []
        while let more = peer.read(), !more.isEmpty { answer += more }
        #expect(String(decoding: answer, as: UTF8.self).components(separatedBy: "HTTP/1.1 ").count == 2)
        // A head alone takes what an inflater takes.
        let full = try TestHub { $0.limits.requestBodiesBytesMax = 1_000 }
        let refused = try Self.exchange(
            full, "POST", "/v1/push", body: try Self.gzip("{}"), fields: Self.device + "Content-Encoding: gzip\r\n")
        #expect(refused.status == 429 || refused.status == 503)
        #expect(full.hub.metrics.refusals[.inputFull] == 1)
    }

    @Test("a bomb is refused with 413 while it inflates, be it too large or too dense")
    func bombs() throws {
        let hub = try TestHub()
        // 1 MiB that would be 1 GiB.
        let deflater = try Deflater(.deflate(windowBits: 15), level: 9)
        let piece = [UInt8](repeating: 0x20, count: 1 << 20).withUnsafeBytes { GzipPiece($0, by: deflater) }
        let bomb = Gzip.header + (0..<1_024).flatMap { _ in piece.bytes }
        let answer = try Self.exchange(
            hub, "POST", "/v1/push", body: Array(bomb.prefix(20_000)),
            fields: Self.device + "Content-Encoding: gzip\r\n")
        #expect(answer.status == 413)
        #expect(hub.hub.metrics.refusals[.inflatedTooLarge] == 1)
        let strict = try TestHub { $0.limits.requestBodyBytesMax = 100_000 }
        let large = try Self.exchange(
            strict, "POST", "/v1/push", body: try Self.gzip(Self.push(2_000)),
            fields: Self.device + "Content-Encoding: gzip\r\n")
        #expect(large.status == 413)
    }
}
