public import HTTPTypes

/// What a response says before its body.
public struct ResponseHead: Sendable {
    /// The status code, 100 to 999.
    public var status: Int
    /// The fields as sent.
    public var fields: HTTPFields
    /// Whether the connection outlives this response (RFC 9112 9.3).
    public var keepAlive: Bool
    /// Whether the server speaks HTTP/1.0.
    public var isHTTP10: Bool

    /// The value of a field, its lines joined by ", "; nil when absent.
    public func field(_ name: HTTPField.Name) -> String? { fields[name] }

    /// The members of a comma-separated field over all its lines (RFC 9110 5.6.1).
    public func list(_ name: HTTPField.Name) -> [String] { fields.list(name).map(String.init) }

    init(parsing head: UnsafeRawBufferPointer, limits: HTTPLimits) throws(HTTPError) {
        var lines = HeadLines(head)
        let line = lines.next()
        // RFC 9112 4: version SP 3DIGIT SP [ reason ]; the last SP is often missing and forgiven.
        guard line.count >= 12, line[8] == Octet.space, line.count == 12 || line[12] == Octet.space,
            line[9..<12].allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            line.allSatisfy(Octet.isFieldValue), let isHTTP10 = try HTTPVersion.isHTTP10(line[..<8]),
            let status = Int(String(decoding: line[9..<12], as: UTF8.self)), status >= 100
        else { throw .statusLineInvalid }
        self.status = status
        self.isHTTP10 = isHTTP10
        fields = try lines.fields(limits: limits)
        keepAlive = fields.keepsAlive(isHTTP10: isHTTP10)
    }
}

/// What a response parser has found.
public enum ResponseEvent {
    /// The head of the final response, or of 101; an upgrade is taken here, with `takeRemainder()`.
    case head(ResponseHead)
    /// A run of the body. Valid until the next call on the parser and no longer than the received buffer.
    case body(UnsafeRawBufferPointer)
    /// The end of the response.
    case end
}

/// Reads HTTP/1.1 responses from bytes, one after another (RFC 9112). No I/O; the client's side of `RequestParser`,
/// with the same contract.
///
/// Interim responses (1xx but 101) are read and passed over: a client may ignore them (RFC 9110 15.2).
public struct ResponseParser: ~Copyable {
    private enum State {
        case head
        case body
        case closed
        case failed(HTTPError)
    }

    /// The method of the request that the next head answers: HEAD's response has no body (RFC 9112 6.3, 1st rule).
    public var requestMethod: HTTPRequest.Method

    private let limits: HTTPLimits
    private var state = State.head
    private var upgraded = false
    private var collector = HeadCollector()
    private var body = BodyDecoder(.none)
    private var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var position = 0

    /// A parser at the start of a connection.
    public init(limits: HTTPLimits = HTTPLimits(), requestMethod: HTTPRequest.Method = .get) {
        self.limits = limits
        self.requestMethod = requestMethod
    }

    /// Takes a buffer. The one before must have been read to its end.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer) {
        input = bytes
        position = 0
    }

    /// The next event, or nil when the buffer is used up.
    public mutating func next() throws(HTTPError) -> ResponseEvent? {
        do {
            return try advance()
        } catch {
            collector.release()
            state = .failed(error)
            throw error
        }
    }

    /// The peer has closed. Throws `truncated` in the middle of a message; `next()` then gives the `.end` of a body
    /// that lasts until the close.
    public mutating func finish() throws(HTTPError) {
        switch state {
        case .head where collector.isEmpty, .closed: return
        case .body where body.endsAtClose:
            body = BodyDecoder(.none)
        case .failed(let error): throw error
        case .head, .body:
            // RFC 9112 8: an incomplete message is recorded as such.
            state = .failed(.truncated)
            throw .truncated
        }
    }

    /// The bytes after the last event, for the protocol upgraded to. The parser keeps none of them.
    public mutating func takeRemainder() -> [UInt8] {
        let remainder = collector.pending + input[position...]
        collector.release()
        position = input.count
        return remainder
    }

    private mutating func advance() throws(HTTPError) -> ResponseEvent? {
        while true {
            switch state {
            case .failed(let error): throw error
            // After 101 the bytes are not HTTP's.
            case .closed: return nil
            case .head:
                guard let found = try collector.collect(input, from: &position, limits: limits) else { return nil }
                let head = try parse(found)
                collector.release()
                // RFC 9110 15.2: any number of 1xx may come first.
                if head.status < 200, head.status != 101 { continue }
                body = BodyDecoder(try framing(of: head))
                upgraded = head.status == 101
                state = .body
                return .head(head)
            case .body:
                switch try body.next(input, from: &position, limits: limits) {
                case .bytes(let bytes): return .body(bytes)
                case .needsMore: return nil
                case .end:
                    state = upgraded ? .closed : .head
                    return .end
                }
            }
        }
    }

    private func parse(_ found: HeadCollector.Found) throws(HTTPError) -> ResponseHead {
        switch found {
        case .inInput(let range):
            try ResponseHead(parsing: UnsafeRawBufferPointer(rebasing: input[range]), limits: limits)
        case .inPending:
            try collector.pending.withUnsafeBufferPointer { (bytes) throws(HTTPError) in
                try ResponseHead(parsing: UnsafeRawBufferPointer(bytes), limits: limits)
            }
        }
    }

    /// RFC 9112 6.3: by method and status first, then by the fields, else until the close.
    private func framing(of head: ResponseHead) throws(HTTPError) -> BodyFraming {
        if requestMethod == .head || head.status < 200 || head.status == 204 || head.status == 304 { return .none }
        return try BodyFraming.announced(in: head.fields, isHTTP10: head.isHTTP10, limits: limits) ?? .untilClose
    }
}
