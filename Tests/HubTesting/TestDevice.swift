internal import Foundation
internal import Reactor
internal import Testing
package import WebSocket

/// A device of a test: speaks `carillon.v1` as JSON objects, through a client of its own that shares no frame code
/// with the hub.
package final class TestDevice {
    package let peer: SocketPeer
    private var machine: WebSocketMachine
    private var received: [[String: Any]] = []
    package private(set) var closeCode: UInt16?
    package private(set) var isClosed = false
    /// Pings that came; none is answered.
    package private(set) var pingCount = 0
    package private(set) var welcome: [String: Any] = [:]
    package let name: String
    /// The last `up_to` that it was told: what it would resume from.
    package private(set) var cursor: String?
    /// Set where a frame's `after` was not the cursor: the chain broke.
    package private(set) var gaps: [String] = []

    /// What the hub agreed to about compression was anything.
    package let isCompressed: Bool
    /// Messages that came compressed.
    package var compressedCount: Int { deflate.inflatedCount }
    /// It sends what is as dense as it likes.
    private let deflate = SharedDeflate(ratioMax: .max)

    /// - Parameter deflate: what is offered, referring to no earlier message.
    package init(
        port: UInt16, name: String, key: String? = nil, receiveBufferBytes: Int32? = nil, deflate: DeflateOffer? = nil,
        tls: TLSOffer? = nil
    ) throws {
        self.name = name
        peer = try SocketPeer(port: port, receiveBufferBytes: receiveBufferBytes, tls: tls)
        let authorization = key.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        let fields = Handshake.requestFields(key: "dGhlIHNhbXBsZSBub25jZQ==", deflate: deflate)
        let offered = fields.first { $0.0 == "Sec-WebSocket-Extensions" }.map { "\($0.0): \($0.1)\r\n" } ?? ""
        try peer.write(
            "GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Protocol: carillon.v1\r\n\(offered)\(authorization)\r\n")
        let head = try peer.read(until: "\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 101"))
        #expect(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        isCompressed = head.contains(
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no")
        machine = WebSocketMachine(
            role: .client, deflate: isCompressed ? PerMessageDeflate() : nil, shared: self.deflate, maskSeed: 7)
    }

    package var replica: String { welcome["replica"] as? String ?? "" }

    package func send(_ frame: [String: Any]) throws {
        try send(text: String(decoding: try JSONSerialization.data(withJSONObject: frame), as: UTF8.self))
    }

    package func send(text: String) throws {
        var bytes: [UInt8] = []
        machine.appendText(text, into: &bytes)
        try peer.write(bytes)
    }

    /// Says hello and waits for the welcome.
    package func hello(_ fields: [String: Any] = [:]) throws {
        var frame: [String: Any] = ["type": "hello", "protocol": 1, "device": name]
        frame.merge(fields) { $1 }
        cursor = fields["cursor"] as? String
        try send(frame)
        welcome = try next("welcome")
    }

    /// Says hello and takes everything up to the first `synced`.
    @discardableResult
    package func catchUp(_ fields: [String: Any] = [:]) throws -> [[String: Any]] {
        try hello(fields)
        return try changes(endsAtSynced: true)
    }

    @discardableResult
    package func push(_ changes: [[String: Any]], id: String = "p", _ fields: [String: Any] = [:]) throws -> [[String:
        Any]]
    {
        var frame: [String: Any] = ["type": "push", "id": id, "changes": changes]
        frame.merge(fields) { $1 }
        try send(frame)
        let answer = try next("pushed")
        #expect(answer["id"] as? String == id)
        return answer["items"] as? [[String: Any]] ?? []
    }

    /// The next frame of `type`; frames of the chain before it are followed and dropped.
    package func next(_ type: String, seconds: Double = 10) throws -> [String: Any] {
        while let frame = try nextFrame(seconds: seconds) {
            if frame["type"] as? String == type { return frame }
        }
        throw SocketPeer.Failure(description: "no frame \(type) came; closed: \(isClosed), code \(closeCode ?? 0)")
    }

    /// Changes and siblings in the order they come: `count` of them, or all before the next `synced`.
    package func changes(count: Int = .max, endsAtSynced: Bool = false, seconds: Double = 10) throws -> [[String: Any]]
    {
        var all: [[String: Any]] = []
        while all.count < count, let frame = try nextFrame(seconds: seconds) {
            switch frame["type"] as? String {
            case "changes": all += frame["changes"] as? [[String: Any]] ?? []
            case "conflict": all.append(frame["change"] as? [String: Any] ?? [:])
            case "synced" where endsAtSynced: return all
            default: continue
            }
        }
        guard all.count == count else {
            throw SocketPeer.Failure(description: "the changes never came; so far \(all.count), closed \(isClosed)")
        }
        return all
    }

    /// The next frame, or nil when the connection ended or nothing came in time.
    package func nextFrame(seconds: Double = 10) throws -> [String: Any]? {
        while received.isEmpty {
            guard !isClosed, var bytes = pending(seconds: seconds) else { return nil }
            if bytes.isEmpty {
                isClosed = true
                return nil
            }
            try bytes.withUnsafeMutableBytes { buffer in
                machine.receive(buffer)
                while let event = machine.next() { try take(event) }
            }
        }
        let frame = received.removeFirst()
        follow(frame)
        return frame
    }

    private func pending(seconds: Double) -> [UInt8]? {
        let input = peer.takeInput()
        return input.isEmpty ? peer.read(seconds: seconds) : input
    }

    private func take(_ event: WebSocketEvent) throws {
        switch event {
        case .text(let payload):
            let object = try JSONSerialization.jsonObject(with: Data(payload))
            received.append(object as? [String: Any] ?? [:])
        case .close(let code, _):
            closeCode = code?.rawValue
        case .failed(_, let reason):
            throw SocketPeer.Failure(description: "the hub's frames are wrong: \(reason)")
        case .ping:
            pingCount += 1
        case .binary, .pong:
            break
        }
    }

    private func follow(_ frame: [String: Any]) {
        guard let upTo = frame["up_to"] as? String else { return }
        let after = frame["after"] as? String
        if let cursor, let after, after != cursor { gaps.append("\(after) after \(cursor)") }
        cursor = upTo
    }
}

/// A change as the wire takes it.
package func change(_ id: String, _ clock: [String: Int], _ body: Any, kind: String = "note") -> [String: Any] {
    ["kind": kind, "id": id, "clock": clock, "body": body]
}
