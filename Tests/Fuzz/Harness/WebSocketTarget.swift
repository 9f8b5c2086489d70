internal import WebSocket

private enum Said: Equatable {
    case message(MessageKind, [UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?, String)
    case failed(UInt16)

    init(_ event: WebSocketEvent) {
        switch event {
        case .text(let payload): self = .message(.text, Array(payload))
        case .binary(let payload): self = .message(.binary, Array(payload))
        case .ping(let payload): self = .ping(Array(payload))
        case .pong(let payload): self = .pong(Array(payload))
        case .close(let code, let reason): self = .close(code?.rawValue, reason)
        case .failed(let code, _): self = .failed(code.rawValue)
        }
    }

    var isLast: Bool {
        switch self {
        case .close, .failed: true
        case .message, .ping, .pong: false
        }
    }
}

private var smallLimits: WebSocketLimits {
    var limits = WebSocketLimits()
    limits.messageBytesMax = 300
    limits.frameBytesMax = 200
    limits.fragmentsMax = 4
    return limits
}

/// Frames: cut anyhow, the same events; text is UTF-8; memory within the message bound; what was read is written and
/// read by the other end as it was.
func webSocket(_ bytes: UnsafeRawBufferPointer, role: WebSocketRole) {
    for limits in [WebSocketLimits(), smallLimits] {
        let whole = events(bytes, .whole, role, limits)
        for cutting in [Cutting.random, .bytewise] {
            let cut = events(bytes, cutting, role, limits)
            require(cut == whole, "cut \(cutting): \(cut)\nat once: \(whole)")
        }
        check(whole, limits)
        checkRewritten(whole, role)
    }
}

private func events(
    _ bytes: UnsafeRawBufferPointer, _ cutting: Cutting, _ role: WebSocketRole, _ limits: WebSocketLimits
) -> [Said] {
    var machine = WebSocketMachine(role: role, limits: limits)
    var events: [Said] = []
    for piece in cutting.pieces(of: bytes) {
        withOwnMemory(piece) { memory in
            machine.receive(memory)
            while let event = machine.next() { events.append(Said(event)) }
            // What came may have been doubled while growing; what was only announced is not held.
            require(machine.bufferedBytes <= 2 * bytes.count + 1024, "\(machine.bufferedBytes) bytes held")
        }
    }
    return events
}

private func check(_ events: [Said], _ limits: WebSocketLimits) {
    for (index, event) in events.enumerated() {
        require(!event.isLast || index == events.count - 1, "something follows \(event)")
        switch event {
        case .message(let kind, let payload):
            require(payload.count <= limits.messageBytesMax, "a message of \(payload.count) bytes")
            if kind == .text { require(isUTF8(payload), "text that is not UTF-8: \(payload)") }
        case .ping(let payload), .pong(let payload): require(payload.count <= 125, "a control frame too long")
        case .close(let code, _):
            require(code.map { CloseCode(rawValue: $0).mayBeSent } ?? true, "close code \(code ?? 0)")
        case .failed(let code): require(CloseCode(rawValue: code).mayBeSent, "fails with \(code)")
        }
    }
}

/// The standard library's judgement, by a way of its own.
private func isUTF8(_ bytes: [UInt8]) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil
}

private func checkRewritten(_ said: [Said], _ role: WebSocketRole) {
    var writer = WebSocketMachine(role: role == .server ? .client : .server, maskSeed: 7)
    var bytes: [UInt8] = []
    var written: [Said] = []
    for event in said {
        switch event {
        case .message(let kind, let payload): writer.appendMessage(kind, payload, into: &bytes)
        case .ping(let payload): writer.appendPing(payload, into: &bytes)
        case .pong(let payload): writer.appendPong(payload, into: &bytes)
        case .close(let code, let reason):
            writer.appendClose(code.map { CloseCode(rawValue: $0) }, reason: reason, into: &bytes)
        case .failed: continue
        }
        written.append(event)
    }
    let again = bytes.withUnsafeBytes { events($0, .whole, role, WebSocketLimits()) }
    require(again == written, "read again: \(again)\nwritten: \(written)")
}
