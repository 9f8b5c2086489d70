internal import Glibc

/// Writes `text/event-stream` into a buffer (WHATWG HTML 9.2).
///
///     event: TYPE LF   id: ID LF   data: LINE LF ...   LF
///
/// A line ends at LF, CR or both, and a client joins data lines by LF. So data that holds a LF is written as two lines
/// and read as it was; a CR cannot be carried and becomes a LF. In JSON both are white space only.
public enum EventStreamWriter {
    public static let mediaType = "text/event-stream"

    /// Appends an event. `type` and `id` are the writer's own texts, without line ends.
    /// - Parameter id: what the client names in `Last-Event-ID` when it comes back; nil leaves the last one in force.
    public static func appendEvent(
        type: String, id: String? = nil, data: UnsafeRawBufferPointer, into bytes: inout [UInt8]
    ) {
        bytes.reserveCapacity(bytes.count + data.count + 160)
        FieldWriter.append("event: ", into: &bytes)
        FieldWriter.append(type, into: &bytes)
        if let id {
            FieldWriter.append("\nid: ", into: &bytes)
            FieldWriter.append(id, into: &bytes)
        }
        appendData(data, into: &bytes)
        FieldWriter.append("\n\n", into: &bytes)
    }

    /// Appends an event whose data is an array.
    public static func appendEvent(type: String, id: String? = nil, data: [UInt8], into bytes: inout [UInt8]) {
        data.withUnsafeBytes { appendEvent(type: type, id: id, data: $0, into: &bytes) }
    }

    /// Appends a line that clients pass over. It keeps a quiet stream open in whatever stands between.
    public static func appendComment(into bytes: inout [UInt8]) {
        FieldWriter.append(":\n\n", into: &bytes)
    }

    /// Appends how long the client is to wait before it comes back.
    public static func appendRetry(milliseconds: Int, into bytes: inout [UInt8]) {
        FieldWriter.append("retry: \(milliseconds)\n\n", into: &bytes)
    }

    private static func appendData(_ data: UnsafeRawBufferPointer, into bytes: inout [UInt8]) {
        var rest = data[...]
        while true {
            // The space is not data; without it, data that begins with one would lose it.
            FieldWriter.append("\ndata: ", into: &bytes)
            guard let end = lineEnd(rest) else {
                bytes.append(contentsOf: rest)
                return
            }
            bytes.append(contentsOf: rest[..<end])
            rest = rest[(end + 1)...]
        }
    }

    /// memchr, because most data has none and a look at each byte would cost more than the copy.
    private static func lineEnd(_ data: Slice<UnsafeRawBufferPointer>) -> Int? {
        let buffer = UnsafeRawBufferPointer(rebasing: data)
        guard let base = buffer.baseAddress else { return nil }
        var count = buffer.count
        for octet in [Octet.lineFeed, Octet.carriageReturn] {
            if let found = memchr(base, Int32(octet), count) { count = base.distance(to: UnsafeRawPointer(found)) }
        }
        return count < buffer.count ? data.startIndex + count : nil
    }
}
