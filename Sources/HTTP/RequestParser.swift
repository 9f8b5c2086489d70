internal import HTTPTypes

/// What a request parser has found.
public enum HTTPEvent {
    /// The head; an upgrade is taken here, with `takeRemainder()`.
    case head(RequestHead)
    /// The client waits for 100 before it sends the body (RFC 9110 10.1.1). Follows the head.
    case expectContinue
    /// A run of the body. Valid until the next call on the parser and no longer than the received buffer.
    case body(UnsafeRawBufferPointer)
    /// The end of the request.
    case end
}

/// Reads HTTP/1.1 requests from bytes, one after another (RFC 9112). No I/O.
///
/// States: head, expectation, body, failed.
///
///     head        --empty line-->   expectation (Expect: 100-continue) or body, gives .head
///     expectation ------------->    body, gives .expectContinue
///     body        --bytes-->        body, gives .body
///     body        --its end-->      head, gives .end
///     any         --violation-->    failed, throws, and throws the same again for ever
///
/// Contract: `receive` is given a buffer; `next()` is called until it returns nil; only then is the buffer reused.
public struct RequestParser: ~Copyable {
    private enum State {
        case head
        case expectation
        case body
        case failed(HTTPError)
    }

    private let limits: HTTPLimits
    /// The same, but for the present request's body where it has a bound of its own.
    private var bodyLimits: HTTPLimits
    private var state = State.head
    private var collector = HeadCollector()
    private var body = BodyDecoder(.none)
    private var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var position = 0

    /// A parser at the start of a connection.
    public init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
        bodyLimits = limits
    }

    /// True between requests: nothing of a next one has come. A connection may be closed here without loss.
    public var isIdle: Bool {
        if case .head = state { collector.isEmpty && position == input.count } else { false }
    }

    /// Takes a buffer. The one before must have been read to its end.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer) {
        input = bytes
        position = 0
    }

    /// Bounds the body of the request whose head was the last event, in place of ``HTTPLimits/bodyBytesMax``: how long
    /// it may be is its path's to say.
    ///
    /// - Throws: ``HTTPError/bodyTooLarge`` at once where Content-Length announces more.
    public mutating func boundBody(bytesMax: Int) throws(HTTPError) {
        bodyLimits.bodyBytesMax = bytesMax
        guard let length = body.announcedLength, length > bytesMax else { return }
        state = .failed(.bodyTooLarge)
        throw .bodyTooLarge
    }

    /// What Content-Length says of the request whose head was the last event; nil where it is chunked.
    public var announcedBodyBytes: Int? { body.announcedLength }

    /// The next event, or nil when the buffer is used up.
    public mutating func next() throws(HTTPError) -> HTTPEvent? {
        do {
            return try advance()
        } catch {
            collector.release()
            state = .failed(error)
            throw error
        }
    }

    /// The bytes after the last event, for the protocol upgraded to. The parser keeps none of them.
    public mutating func takeRemainder() -> [UInt8] {
        let remainder = collector.pending + input[position...]
        collector.release()
        position = input.count
        return remainder
    }

    private mutating func advance() throws(HTTPError) -> HTTPEvent? {
        switch state {
        case .failed(let error): throw error
        case .head:
            guard let found = try collector.collect(input, from: &position, limits: limits) else { return nil }
            let head = try parse(found)
            collector.release()
            return .head(head)
        case .expectation:
            state = .body
            return .expectContinue
        case .body:
            switch try body.next(input, from: &position, limits: bodyLimits) {
            case .bytes(let bytes): return .body(bytes)
            case .needsMore: return nil
            case .end:
                state = .head
                return .end
            }
        }
    }

    private mutating func parse(_ found: HeadCollector.Found) throws(HTTPError) -> RequestHead {
        let head: RequestHead
        switch found {
        case .inInput(let range):
            head = try RequestHead(parsing: UnsafeRawBufferPointer(rebasing: input[range]), limits: limits)
        case .inPending:
            head = try collector.pending.withUnsafeBufferPointer { (bytes) throws(HTTPError) in
                try RequestHead(parsing: UnsafeRawBufferPointer(bytes), limits: limits)
            }
        }
        let fields = head.request.headerFields
        // RFC 9112 6.3, 7th rule: a request that announces no body has none.
        let framing = try BodyFraming.announced(in: fields, isHTTP10: head.isHTTP10, limits: limits) ?? .none
        body = BodyDecoder(framing)
        bodyLimits = limits
        // RFC 9110 10.1.1: from HTTP/1.0 it is ignored; without a body there is nothing to wait for.
        let awaits = fields.list(.expect, names: "100-continue") && !head.isHTTP10
        state = awaits && framing != .none && framing != .length(0) ? .expectation : .body
        return head
    }
}
