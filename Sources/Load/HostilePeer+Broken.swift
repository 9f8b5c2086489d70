/// Attacks by form: bytes that are not what they should be.
extension HostilePeer {
    mutating func reset() {
        let push = Self.frame(
            0x81, #"{"type":"push","id":"h","changes":[{"kind":"hostile","id":"h","clock":{"x":1},"body":1"#)
        let request = upgradeRequest(key: key)
        // The push is never whole: what is committed is the devices' own.
        let conversation = request + hello + push
        let cut = Int.random(in: 0...conversation.count, using: &random)
        guard let socket = connect() else { return }
        socket.send(Array(conversation[..<min(cut, request.count)]))
        if cut > request.count {
            _ = socket.receive(seconds: 2) { !$0.isEmpty }
            socket.send(Array(conversation[request.count..<cut]))
        }
        socket.reset()
    }

    mutating func garbage() {
        guard let socket = Bool.random(using: &random) ? connect() : session() else { return }
        for _ in 0..<16 {
            guard socket.send(noise(Int.random(in: 1...8_192, using: &random))) else { break }
        }
        _ = socket.receive(seconds: 2)
    }

    mutating func badFrames() {
        let wrong: [[UInt8]] = [
            Self.frame(0x83, "reserved"), Self.frame(0xA1, "rsv2"), Self.frame(0x91, "rsv3"),
            [0x81, 0x02, 0x68, 0x69], Self.frame(0x09, "ping in pieces"),
            Self.frame(0x89, [UInt8](repeating: 0x61, count: 126)), Self.frame(0x80, "continues nothing"),
            Self.frame(0x01, "a") + Self.frame(0x81, "b"), Self.frame(0x81, [0xED, 0xA0, 0x80]),
            Self.frame(0x01, [0xE2, 0x82]) + Self.frame(0x80, [0x28]), Self.frame(0x88, [0x03]),
            Self.frame(0x88, [0x03, 0xED]), Self.frame(0x88, [0x03, 0xE8, 0xFF]),
            [0x81, 0xFE, 0x00, 0x03, 0, 0, 0, 0, 1, 2, 3], [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            Self.frame(0x82, "binary"), Self.frame(0x81, "{"), Self.frame(0x81, #"{"type":"welcome"}"#),
            Self.frame(0x81, #"{"type":"push","id":7,"changes":{}}"#),
            Self.frame(0x81, #"{"type":"ack","cursor":"c1"}"#),
            Self.frame(0x81, #"{"type":"hello","protocol":1,"device":"again"}"#),
        ]
        guard let socket = Bool.random(using: &random) ? session() : upgraded() else { return }
        socket.send(wrong[(turn + number) % wrong.count])
        _ = socket.receive(seconds: 2)
    }

    mutating func wrongKey() {
        let bad = ["", "ck_none_none", String(repeating: "k", count: 4_096), String(key.dropLast()) + "x"]
        let chosen = bad[turn % bad.count]
        guard let socket = connect() else { return }
        if Bool.random(using: &random) {
            socket.send(upgradeRequest(key: chosen))
        } else {
            socket.send(Array("GET /v1/changes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(chosen)\r\n\r\n".utf8))
        }
        _ = socket.receive(seconds: 2) { !$0.isEmpty }
    }

    mutating func churn() {
        for _ in 0..<HostileLimits.connectionsPerPeer {
            switch Int.random(in: 0...2, using: &random) {
            case 0: connect()?.reset()
            case 1: connect()?.close()
            default:
                guard let socket = session() else { continue }
                if Bool.random(using: &random) { socket.send(Self.frame(0x81, #"{"type":"bye"}"#)) }
                socket.close()
            }
        }
    }

    mutating func tlsGarbage() {
        guard let socket = connect() else { return }
        // A record of a handshake, TLS 1.0 by its name as all first ones, and its 512 bytes are no ClientHello.
        socket.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03] + noise(505))
        _ = socket.receive(seconds: 2)
    }
}
