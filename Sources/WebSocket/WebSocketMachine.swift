internal import Compression

/// One end of a WebSocket connection after its handshake (RFC 6455 5 to 7). No I/O, no clock, no random source.
///
/// Reading:
///
///     header  --whole header-->   payload, or ended with .failed
///     payload --whole frame-->    header, with an event when a message or a control frame is whole
///     payload --Close frame-->    ended with .close
///     payload --violation-->      ended with .failed
///     ended   --anything-->       ended: bytes are dropped (RFC 6455 5.5.1, 7.1.7)
///
/// Writing: open --appendClose--> closed, after which nothing is written (RFC 6455 5.5.1).
///
/// A frame that lies whole in the received buffer and is a whole message is unmasked and delivered where it lies.
/// Other bytes gather in a buffer that grows as they come and is freed when the message is delivered.
///
/// A compressed message (RFC 7692) gathers as it is, and is inflated once it is whole: so a message that never ends
/// holds no more than was sent of it. It is inflated piece by piece, and stopped at the first past
/// ``WebSocketLimits/messageBytesMax`` or ``WebSocketLimits/inflateRatioMax``.
///
/// Contract: `receive` is given a buffer; `next()` is called until it returns nil, or `takeUnread()` after an event; only
/// then is the buffer reused.
public struct WebSocketMachine: ~Copyable {
    enum Phase {
        case header
        case payload
        case ended
    }

    /// The frame whose payload is being read.
    struct Frame {
        var opcode = Opcode.binary
        var fin = true
        var remaining = 0
        var maskKey: UInt32 = 0
        var maskOffset = 0
    }

    /// The message being read; the frames of a control message do not touch it (RFC 6455 5.4).
    struct Message {
        var kind: MessageKind?
        var fragments = 0
        /// RFC 7692 6: its first frame had RSV1.
        var isCompressed = false
        var utf8 = UTF8Validator()
    }

    /// Which end this is.
    public let role: WebSocketRole
    /// True after `appendClose`: nothing more is written.
    public internal(set) var isCloseSent = false
    /// True after the event `.close`.
    public internal(set) var isCloseReceived = false
    /// What was agreed on about compression; nil: nothing is compressed.
    public let deflate: PerMessageDeflate?

    /// May be raised when the peer is known better.
    public var limits: WebSocketLimits
    let shared: SharedDeflate?
    /// Where messages refer to earlier ones: from the first that does on.
    var ownDeflater: Deflater?
    var ownInflater: Inflater?
    /// Of ``WebSocketLimits/inflateFreeBytes``, what dense messages have used.
    var inflateSpentBytes = 0
    /// Has a message compressed before its frame is written.
    var compressed: [UInt8] = []
    var maskKeys: MaskKeys
    var phase = Phase.header
    var frame = Frame()
    var message = Message()
    var input = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    var position = 0
    var partialHeader = InlineArray<14, UInt8>(repeating: 0)
    var partialHeaderCount = 0
    var partialMessage = PayloadBuffer()
    var partialControl = PayloadBuffer()
    var inflatedMessage = PayloadBuffer()
    var isMessageLent = false
    var isControlLent = false

    /// A machine at the first octet after the handshake.
    /// - Parameters:
    ///   - deflate: what the handshake agreed on.
    ///   - shared: of the thread that the machine lives on; one of its own where there is none.
    ///   - maskSeed: from the system's random source; a client's mask keys follow from it (RFC 6455 10.3).
    public init(
        role: WebSocketRole, limits: WebSocketLimits = WebSocketLimits(), deflate: PerMessageDeflate? = nil,
        shared: SharedDeflate? = nil, maskSeed: UInt64 = 0
    ) {
        self.role = role
        self.limits = limits
        self.deflate = deflate
        self.shared = deflate == nil ? nil : shared ?? SharedDeflate()
        maskKeys = MaskKeys(seed: maskSeed)
    }

    /// Whether no part of a frame or a message has been taken in: the machine says no more than a fresh one.
    public var isBetweenMessages: Bool { phase == .header && partialHeaderCount == 0 && message.kind == nil }

    /// Memory held for a message that is not whole; 0 when idle.
    public var bufferedBytes: Int { partialMessage.capacity + partialControl.capacity + inflatedMessage.capacity }

    /// Takes a buffer, which is unmasked in place. The one before must have been read to its end.
    public mutating func receive(_ bytes: UnsafeMutableRawBufferPointer) {
        releaseLent()
        input = bytes
        position = 0
    }

    /// The next event, or nil when the buffer is used up.
    public mutating func next() -> WebSocketEvent? {
        releaseLent()
        while true {
            switch phase {
            case .header:
                guard let header = readHeader() else { return nil }
                if let failure = begin(header) { return failure }
            case .payload:
                if frame.remaining > 0, position == input.count { return nil }
                let piece = takePiece()
                if let event = frame.opcode.isControl ? acceptControl(piece) : acceptData(piece) { return event }
            case .ended:
                position = input.count
                return nil
            }
        }
    }

    /// What is behind the last event, for whoever goes on with it later: as a buffer of its own, in ``receive(_:)``. What
    /// that event points into stays.
    public mutating func takeUnread() -> [UInt8] {
        guard position < input.count else { return [] }
        let unread = [UInt8](input[position...])
        position = input.count
        return unread
    }

    /// Frees what the last event pointed into.
    private mutating func releaseLent() {
        if isMessageLent {
            partialMessage.release()
            inflatedMessage.release()
            isMessageLent = false
        }
        if isControlLent {
            partialControl.release()
            isControlLent = false
        }
    }

    /// RFC 6455 7.1.7: fail the connection.
    mutating func fail(_ code: CloseCode, _ reason: String) -> WebSocketEvent {
        phase = .ended
        partialMessage.release()
        partialControl.release()
        inflatedMessage.release()
        return .failed(code, reason: reason)
    }
}
