internal import Compression

/// Attacks by size: more than any bound allows, or little that means much.
extension HostilePeer {
    mutating func oversize() {
        switch Int.random(in: 0...5, using: &random) {
        case 0:
            guard let socket = connect() else { return }
            socket.send(Array("GET /\(String(repeating: "a", count: 100_000)) HTTP/1.1\r\n".utf8))
            _ = socket.receive(seconds: 2)
        case 1:
            guard let socket = connect() else { return }
            let fields = (0..<5_000).map { "X-\($0): \($0)\r\n" }.joined()
            socket.send(Array("GET / HTTP/1.1\r\nHost: a\r\n\(fields)".utf8))
            _ = socket.receive(seconds: 2)
        case 2:
            post("Content-Length: 9223372036854775807", pieces: 1)
        case 3:
            post("Transfer-Encoding: chunked", pieces: 64)
        case 4:
            guard let socket = session() else { return }
            socket.send(Self.frame(0x81, [], announced: 1 << 40))
            send(64, of: [UInt8](repeating: 0x20, count: 65_536), into: socket)
        default:
            guard let socket = session() else { return }
            socket.send(Self.frame(0x01, "["))
            send(120, of: Self.frame(0x00, [UInt8](repeating: 0x20, count: 65_536)), into: socket)
        }
    }

    /// - Parameter pieces: how many chunks of 64 KiB.
    private mutating func post(_ framing: String, pieces: Int) {
        guard let socket = connect() else { return }
        let head =
            "POST /v1/push HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(key)\r\n"
            + "Content-Type: application/json\r\n\(framing)\r\n\r\n"
        guard socket.send(Array(head.utf8)) else { return }
        let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 0x20, count: 65_536) + Array("\r\n".utf8)
        send(pieces, of: chunk, into: socket)
        _ = socket.receive(seconds: 2)
    }

    private func send(_ times: Int, of bytes: [UInt8], into socket: HostileSocket) {
        for _ in 0..<times where socket.bytesSent < HostileLimits.roundBytesMax {
            guard socket.send(bytes) else { return }
        }
    }

    mutating func jsonBomb() {
        guard let socket = session() else { return }
        let bodies = [
            String(repeating: "[", count: 500_000), String(repeating: #"{"a":"#, count: 200_000),
            String(repeating: "[", count: 200_000) + String(repeating: "]", count: 200_000),
            String(repeating: "9", count: 1_000_000), "1e" + String(repeating: "9", count: 500_000),
            "[" + String(repeating: "0,", count: 500_000) + "0]",
            #"""# + String(repeating: #"\ud800"#, count: 100_000) + #"""#,
            "{" + (0..<50_000).map { #""k\#($0 % 7)":0"# }.joined(separator: ",") + "}",
        ]
        let body = bodies[turn % bodies.count]
        // No clock, so that it would be refused where it came through.
        socket.send(
            Self.frame(0x81, #"{"type":"push","id":"b","changes":[{"kind":"hostile","id":"","body":\#(body)}]}"#))
        _ = socket.receive(seconds: 2)
    }

    /// 16 MiB of zeros, a thousandth of it: as a message's blocks, and as a gzip member.
    private static let swelling: (message: [UInt8], member: [UInt8]) = {
        let zeros = [UInt8](repeating: 0, count: 16 << 20)
        guard let deflater = try? Deflater(.deflate(windowBits: 15), level: 9) else { return ([], []) }
        var message: [UInt8] = []
        zeros.withUnsafeBytes { deflater.deflate($0, .sync, into: &message) }
        deflater.reset()
        return (message, Gzip.member(of: zeros, by: deflater))
    }()

    mutating func compressionBomb() {
        if turn % 3 == 0 {
            guard let socket = connect() else { return }
            let body = Self.swelling.member
            let head =
                "POST /v1/push HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(key)\r\nContent-Encoding: gzip\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n"
            socket.send(Array(head.utf8) + body)
            _ = socket.receive(seconds: 2)
        } else {
            // Where the hub takes the extension, RSV1 is a compressed message; where not, a violation.
            guard let socket = session(compressed: true) else { return }
            let payload = turn % 3 == 1 ? Self.swelling.message : noise(4_096)
            socket.send(Self.frame(0xC1, payload))
            _ = socket.receive(seconds: 2)
        }
    }

    mutating func pipelining() {
        guard let socket = connect(receiveBufferBytes: Bool.random(using: &random) ? 4_096 : nil) else { return }
        let one = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        let many = Array(String(repeating: one, count: 500).utf8)
        for _ in 0..<8 {
            guard socket.send(many, seconds: 2) else { break }
        }
        _ = socket.receive(seconds: 2)
    }
}
