internal import HTTP
internal import WebSocket
internal import Wire

/// How a frame's JSON is wrapped for those who listen: the chain is the same for all.
enum Framing: Sendable {
    /// A text message of `carillon.v1`.
    case webSocket
    /// An event of a body that ends with the connection.
    case events
    /// An event of a chunked body, a chunk of its own.
    case chunkedEvents

    /// - Parameter upTo: where the frame takes its reader, and so the event's id; nil where it takes it nowhere.
    func append(_ payload: [UInt8], type: String, upTo: Cursor?, into bytes: inout [UInt8]) {
        switch self {
        case .webSocket: FrameWriter.append(opcode: .text, payload: payload, into: &bytes)
        case .events: EventStreamWriter.appendEvent(type: type, id: upTo?.text, data: payload, into: &bytes)
        case .chunkedEvents:
            var event: [UInt8] = []
            EventStreamWriter.appendEvent(type: type, id: upTo?.text, data: payload, into: &event)
            ResponseWriter.appendChunk(event, into: &bytes)
        }
    }
}
