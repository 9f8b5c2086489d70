import HubTesting
import WebSocket

/// A client of a dialect's socket, by code of its own.
final class ProbeSocket {
    let peer: SocketPeer
    let status: Int
    private var machine: WebSocketMachine
    private let deflate = SharedDeflate()
    /// Whether the hub took up what was offered.
    let isCompressed: Bool
    /// Messages that came compressed.
    var compressedCount: Int { deflate.inflatedCount }
    private var texts: [String] = []
    private(set) var closeCode: UInt16?
    private(set) var isClosed = false
    private(set) var pingCount = 0

    init(
        port: UInt16, _ target: String, fields: String = "", receiveBufferBytes: Int32? = nil,
        deflate: DeflateOffer? = nil
    ) throws {
        let offered =
            Handshake.requestFields(key: "", deflate: deflate)
            .first { $0.0 == "Sec-WebSocket-Extensions" }.map { "\($0.0): \($0.1)\r\n" } ?? ""
        peer = try SocketPeer(port: port, receiveBufferBytes: receiveBufferBytes)
        try peer.write(
            "GET \(target) HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(offered)\(fields)\r\n")
        let head = try peer.read(until: "\r\n\r\n")
        status = Int(head.split(separator: " ")[1]) ?? 0
        isCompressed = head.contains("Sec-WebSocket-Extensions: permessage-deflate")
        machine = WebSocketMachine(
            role: .client, deflate: isCompressed ? PerMessageDeflate() : nil, shared: self.deflate, maskSeed: 7)
    }

    func send(_ text: String) throws {
        var bytes: [UInt8] = []
        machine.appendText(text, into: &bytes)
        try peer.write(bytes)
    }

    /// The next text; nil when the connection ended or nothing came in time.
    func next(seconds: Double = 10) throws -> String? {
        while texts.isEmpty {
            guard !isClosed else { return nil }
            let input = peer.takeInput()
            guard var bytes = input.isEmpty ? peer.read(seconds: seconds) : input else { return nil }
            if bytes.isEmpty {
                isClosed = true
                return nil
            }
            try bytes.withUnsafeMutableBytes { buffer in
                machine.receive(buffer)
                while let event = machine.next() {
                    switch event {
                    case .text(let payload): texts.append(String(decoding: payload, as: UTF8.self))
                    case .close(let code, _): closeCode = code?.rawValue
                    case .failed(_, let reason): throw SocketPeer.Failure(description: "wrong frames: \(reason)")
                    case .ping: pingCount += 1
                    case .binary, .pong: break
                    }
                }
            }
        }
        return texts.removeFirst()
    }

    /// Reads on until `text` comes; what is before it is dropped.
    func next(_ text: String) throws -> Bool {
        while let next = try next() {
            if next == text { return true }
        }
        return false
    }
}
