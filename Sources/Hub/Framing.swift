internal import HTTP
internal import WebSocket
internal import Wire

/// How a frame's JSON is wrapped for those who listen: the chain is the same for all.
enum Framing: Hashable, Sendable {
    /// A text message of `carillon.v1`.
    case webSocket
    /// The same, compressed with a window of so many bits and no reference to earlier messages.
    case deflated(windowBits: Int)
    /// An event of a body that ends with the connection.
    case events
    /// An event of a chunked body, a chunk of its own.
    case chunkedEvents

    /// - Parameters:
    ///   - upTo: where the frame takes its reader, and so the event's id; nil where it takes it nowhere.
    ///   - deflate: of the thread that asks; without it nothing is compressed, which is as good a message.
    func append(
        _ payload: [UInt8], type: String, upTo: Cursor?, with deflate: SharedDeflate?, into bytes: inout [UInt8]
    ) {
        switch self {
        case .webSocket: FrameWriter.append(opcode: .text, payload: payload, into: &bytes)
        case .deflated(let windowBits):
            guard let deflate else {
                return FrameWriter.append(opcode: .text, payload: payload, into: &bytes)
            }
            FrameWriter.appendServerText(payload, windowBits: windowBits, by: deflate, into: &bytes)
        case .events: EventStreamWriter.appendEvent(type: type, id: upTo?.text, data: payload, into: &bytes)
        case .chunkedEvents:
            var event: [UInt8] = []
            EventStreamWriter.appendEvent(type: type, id: upTo?.text, data: payload, into: &event)
            ResponseWriter.appendChunk(event, into: &bytes)
        }
    }
}

extension PerMessageDeflate {
    /// A hub's answer refers to nothing before: all of one window are sent the same bytes.
    var framing: Framing { serverTakesOver ? .webSocket : .deflated(windowBits: serverWindowBits) }
}
