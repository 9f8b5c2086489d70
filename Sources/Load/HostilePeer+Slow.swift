internal import Foundation

/// Attacks by patience: they send little or nothing, and stay.
extension HostilePeer {
    private static let dripMilliseconds = 200

    mutating func slowHead() {
        guard let socket = connect() else { return }
        let head = "GET /v1/changes HTTP/1.1\r\nHost: a\r\nX-Slow: " + String(repeating: "s", count: 4_096)
        drip(Array(head.utf8), into: socket, everyMilliseconds: Self.dripMilliseconds)
    }

    mutating func slowBody() {
        guard let socket = connect() else { return }
        let isChunked = Bool.random(using: &random)
        let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 100000"
        let head =
            "POST /v1/push HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(key)\r\n"
            + "Content-Type: application/json\r\n\(framing)\r\n\r\n"
        guard socket.send(Array(head.utf8)) else { return }
        let piece = isChunked ? "1\r\n[\r\n" : #"{"changes":["#
        drip(
            Array(String(repeating: piece, count: 512).utf8), into: socket, everyMilliseconds: Self.dripMilliseconds)
    }

    mutating func slowFrame() {
        guard let socket = session() else { return }
        let frame = Self.frame(0x81, [UInt8](repeating: 0x20, count: 4_096))
        drip(frame, into: socket, everyMilliseconds: Self.dripMilliseconds)
    }

    mutating func slowHello() {
        guard let socket = upgraded() else { return }
        if Bool.random(using: &random) {
            hold([socket])
        } else {
            drip(hello, into: socket, everyMilliseconds: 1_000)
        }
    }

    mutating func abandoned() {
        let sockets = (0..<HostileLimits.connectionsPerPeer).compactMap { _ in connect() }
        hold(sockets)
    }

    mutating func halfClosed() {
        switch Int.random(in: 0...3, using: &random) {
        case 0:
            guard let socket = connect() else { return }
            socket.shutdownSending()
            hold([socket], seconds: 10)
        case 1:
            guard let socket = connect() else { return }
            socket.send(Array("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
            socket.shutdownSending()
            _ = socket.receive(seconds: 5)
        case 2:
            guard let socket = connect() else { return }
            socket.send(Array("POST /v1/push HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[".utf8))
            socket.shutdownSending()
            _ = socket.receive(seconds: 5)
        default:
            guard let socket = session() else { return }
            socket.shutdownSending()
            hold([socket], seconds: 10)
        }
    }

    /// Subscribed as any device, and nothing is read: the hub's outbox for it fills.
    mutating func stalledReader() {
        guard let socket = session(receiveBufferBytes: 4_096) else { return }
        // Its own requests must be answered too, and are not read.
        for _ in 0..<200 where !socket.hasEnded {
            guard socket.send(Self.frame(0x81, #"{"type":"ping","id":"\#(UInt32.random(in: 0...999))"}"#)) else {
                return
            }
        }
        hold([socket], seconds: 20)
    }
}
