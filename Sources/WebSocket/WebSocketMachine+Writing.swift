internal import Compression

extension WebSocketMachine {
    /// The longest payload of a control frame (RFC 6455 5.5).
    private static var controlBytesMax: Int { 125 }

    /// Appends a message as one frame, compressed where that was agreed on and is worth it; nothing after
    /// `appendClose`.
    public mutating func appendMessage(
        _ kind: MessageKind, _ payload: UnsafeRawBufferPointer, into bytes: inout [UInt8]
    ) {
        guard !isCloseSent else { return }
        let opcode = kind == .text ? Opcode.text : .binary
        guard compress(payload) else {
            return FrameWriter.append(opcode: opcode, payload: payload, maskKey: nextMaskKey(), into: &bytes)
        }
        FrameWriter.append(
            opcode: opcode, reservedBits: .first, payload: compressed, maskKey: nextMaskKey(), into: &bytes)
        compressed = []
    }

    /// Appends a message as one frame, as above.
    public mutating func appendMessage(_ kind: MessageKind, _ payload: [UInt8], into bytes: inout [UInt8]) {
        payload.withUnsafeBytes { appendMessage(kind, $0, into: &bytes) }
    }

    /// Compresses into `compressed`; false where the message goes as it is (RFC 7692 6.1 lets each message).
    private mutating func compress(_ payload: UnsafeRawBufferPointer) -> Bool {
        guard let deflate, let shared, payload.count >= SharedDeflate.messageBytesMin else { return false }
        guard deflate.takesOver(role) else {
            return shared.compress(payload, windowBits: deflate.windowBits(role), into: &compressed)
        }
        if ownDeflater == nil { ownDeflater = SharedDeflate.deflater(windowBits: deflate.windowBits(role)) }
        guard let ownDeflater else { return false }
        // Sent even if it is no shorter: what follows may refer to it.
        shared.compress(payload, by: ownDeflater, into: &compressed)
        guard shared.isTooDense(payload, compressed.count) else { return true }
        // The peer has never seen it: what follows must not refer to it.
        ownDeflater.reset()
        compressed = []
        return false
    }

    /// Appends a text message; nothing after `appendClose`.
    public mutating func appendText(_ text: String, into bytes: inout [UInt8]) {
        appendMessage(.text, Array(text.utf8), into: &bytes)
    }

    /// Appends a ping; a payload is cut at 125 octets.
    public mutating func appendPing(_ payload: [UInt8] = [], into bytes: inout [UInt8]) {
        payload.withUnsafeBytes { appendControl(.ping, $0, into: &bytes) }
    }

    /// Appends a pong. An answer has its ping's payload (RFC 6455 5.5.3).
    public mutating func appendPong(_ payload: UnsafeRawBufferPointer, into bytes: inout [UInt8]) {
        appendControl(.pong, payload, into: &bytes)
    }

    /// Appends a pong.
    public mutating func appendPong(_ payload: [UInt8] = [], into bytes: inout [UInt8]) {
        payload.withUnsafeBytes { appendControl(.pong, $0, into: &bytes) }
    }

    /// Appends the Close frame, once.
    /// - Parameters:
    ///   - code: nil, or one that must not be sent, makes an empty Close (RFC 6455 7.4.1).
    ///   - reason: cut at 123 octets, between characters.
    public mutating func appendClose(_ code: CloseCode?, reason: String = "", into bytes: inout [UInt8]) {
        guard !isCloseSent else { return }
        var payload: [UInt8] = []
        if let code, code.mayBeSent {
            payload = [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)]
            for scalar in reason.unicodeScalars {
                guard payload.count + UTF8.width(scalar) <= Self.controlBytesMax else { break }
                payload.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        payload.withUnsafeBytes { appendControl(.close, $0, into: &bytes) }
        isCloseSent = true
    }

    private mutating func appendControl(
        _ opcode: Opcode, _ payload: UnsafeRawBufferPointer, into bytes: inout [UInt8]
    ) {
        guard !isCloseSent else { return }
        let payload = UnsafeRawBufferPointer(rebasing: payload.prefix(Self.controlBytesMax))
        FrameWriter.append(opcode: opcode, payload: payload, maskKey: nextMaskKey(), into: &bytes)
    }

    /// RFC 6455 5.3: a new key for every frame of a client.
    private mutating func nextMaskKey() -> UInt32? {
        role == .client ? maskKeys.next() : nil
    }
}
