import Testing
import WebSocket

/// What a machine said, with its payloads copied.
enum WireTranscript: Equatable {
    case text([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?, String)
    case failed(UInt16)

    init(_ event: WebSocketEvent) {
        switch event {
        case .text(let payload): self = .text(Array(payload))
        case .binary(let payload): self = .binary(Array(payload))
        case .ping(let payload): self = .ping(Array(payload))
        case .pong(let payload): self = .pong(Array(payload))
        case .close(let code, let reason): self = .close(code?.rawValue, reason)
        case .failed(let code, _): self = .failed(code.rawValue)
        }
    }

    /// Feeds the bytes in pieces of `step` octets, each in memory of its own that is poisoned afterwards.
    static func of(
        _ bytes: [UInt8], step: Int, role: WebSocketRole = .server, limits: WebSocketLimits = WebSocketLimits()
    ) -> [WireTranscript] {
        var machine = WebSocketMachine(role: role, limits: limits)
        var events: [WireTranscript] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            let piece = bytes[start..<min(start + step, bytes.count)]
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
            memory.copyBytes(from: piece)
            machine.receive(memory)
            while let event = machine.next() { events.append(WireTranscript(event)) }
            memory.initializeMemory(as: UInt8.self, repeating: 0xEE)
            memory.deallocate()
        }
        return events
    }
}

/// The verifier: the same events byte by byte, in threes, in sevens and at once, for both roles.
@discardableResult
func verified(
    _ frames: [TestFrame], limits: WebSocketLimits = WebSocketLimits(),
    sourceLocation: SourceLocation = #_sourceLocation
) -> [WireTranscript] {
    let toServer = frames.flatMap { $0.bytes(maskKey: 0x1234_ABCD) }
    let toClient = frames.flatMap { $0.bytes(maskKey: nil) }
    let whole = WireTranscript.of(toServer, step: max(1, toServer.count), limits: limits)
    for step in [1, 3, 7] {
        #expect(
            WireTranscript.of(toServer, step: step, limits: limits) == whole, sourceLocation: sourceLocation)
    }
    for step in [1, 5, max(1, toClient.count)] {
        #expect(
            WireTranscript.of(toClient, step: step, role: .client, limits: limits) == whole,
            sourceLocation: sourceLocation)
    }
    return whole
}

/// A frame as written on the wire, rules broken at will.
struct TestFrame: Sendable {
    var first: UInt8
    var payload: [UInt8]
    /// The length field in this many octets (1, 2 or 8), whatever the payload is.
    var lengthOctets: Int?
    /// Announced instead of the payload's own.
    var length: UInt64?

    static func text(_ text: String, fin: Bool = true) -> TestFrame { raw(0x1, Array(text.utf8), fin: fin) }
    static func more(_ text: String, fin: Bool = true) -> TestFrame { raw(0x0, Array(text.utf8), fin: fin) }
    static func close(_ code: UInt16, _ reason: [UInt8] = []) -> TestFrame {
        raw(0x8, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }
    static func raw(_ opcode: UInt8, _ payload: [UInt8] = [], fin: Bool = true, reserved: UInt8 = 0) -> TestFrame {
        TestFrame(first: (fin ? 0x80 : 0) | reserved | opcode, payload: payload)
    }

    func bytes(maskKey: UInt32?) -> [UInt8] {
        let length = length ?? UInt64(payload.count)
        let octets = lengthOctets ?? (length < 126 ? 1 : length < 65_536 ? 2 : 8)
        var bytes = [first, (maskKey == nil ? 0 : 0x80) | (octets == 1 ? UInt8(length) : octets == 2 ? 126 : 127)]
        if octets > 1 {
            for place in (0..<octets).reversed() {
                bytes.append(UInt8(truncatingIfNeeded: length >> UInt64(place * 8)))
            }
        }
        guard let maskKey else { return bytes + payload }
        let key = (0..<4).map { UInt8(truncatingIfNeeded: maskKey >> UInt32(24 - 8 * $0)) }
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }
}

/// SplitMix64, so that a failure is found again by its seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
