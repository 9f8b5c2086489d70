/// Gives a body's bytes where they lie in the input, whatever frames them.
struct BodyDecoder {
    private enum State {
        case length(remaining: Int)
        case chunked
        case untilClose(count: Int)
    }

    private var state = State.length(remaining: 0)
    private var chunks = ChunkedDecoder()

    init(_ framing: BodyFraming) {
        switch framing {
        case .none: state = .length(remaining: 0)
        case .length(let count): state = .length(remaining: count)
        case .chunked: state = .chunked
        case .untilClose: state = .untilClose(count: 0)
        }
    }

    /// Whether the peer's closing is the end of this body (RFC 9112 6.3, 8th rule).
    var endsAtClose: Bool {
        if case .untilClose = state { true } else { false }
    }

    /// The length that was announced, before any of it has come; nil where none was.
    var announcedLength: Int? {
        if case .length(let remaining) = state { remaining } else { nil }
    }

    mutating func next(
        _ input: UnsafeRawBufferPointer, from position: inout Int, limits: HTTPLimits
    ) throws(HTTPError) -> ChunkedDecoder.Step {
        switch state {
        case .length(0): return .end
        case .length(let remaining):
            let bytes = take(remaining, of: input, from: &position)
            state = .length(remaining: remaining - bytes.count)
            return bytes.isEmpty ? .needsMore : .bytes(bytes)
        case .chunked: return try chunks.next(input, from: &position, limits: limits)
        case .untilClose(let count):
            if count == limits.bodyBytesMax, position < input.count { throw .bodyTooLarge }
            let bytes = take(limits.bodyBytesMax - count, of: input, from: &position)
            state = .untilClose(count: count + bytes.count)
            return bytes.isEmpty ? .needsMore : .bytes(bytes)
        }
    }

    private func take(
        _ countMax: Int, of input: UnsafeRawBufferPointer, from position: inout Int
    ) -> UnsafeRawBufferPointer {
        let count = min(countMax, input.count - position)
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: input[position..<position + count])
    }
}
