/// Reads a chunked body (RFC 9112 7.1).
///
///     chunk      = 1*HEXDIG [ ";" extension ] CRLF data CRLF
///     last-chunk = 1*"0" [ ";" extension ] CRLF *( field-line CRLF ) CRLF
///
/// Stricter than the RFC: no white space between size and ";", no lone LF, at most 16 digits.
struct ChunkedDecoder {
    fileprivate enum State {
        case sizeStart
        case size
        case extensions
        case sizeLineFeed
        case data
        case dataCarriageReturn
        case dataLineFeed
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        case lastLineFeed
        case done
    }

    enum Step {
        case bytes(UnsafeRawBufferPointer)
        case end
        case needsMore
    }

    private var state = State.sizeStart
    private var remaining = 0
    private var digits = 0
    private var bodyCount = 0
    private var extensionCount = 0
    private var trailerCount = 0

    /// The next run of data, the end of the body, or `needsMore` when the input is used up.
    mutating func next(
        _ input: UnsafeRawBufferPointer, from position: inout Int, limits: HTTPLimits
    ) throws(HTTPError) -> Step {
        while position < input.count {
            if state == .data {
                let count = min(remaining, input.count - position)
                let bytes = UnsafeRawBufferPointer(rebasing: input[position..<position + count])
                position += count
                remaining -= count
                if remaining == 0 { state = .dataCarriageReturn }
                return .bytes(bytes)
            }
            let octet = input[position]
            position += 1
            if state.isTrailer {
                try acceptTrailer(octet, limits: limits)
            } else {
                try acceptFraming(octet, limits: limits)
            }
            if state == .done { return .end }
        }
        return .needsMore
    }

    private mutating func acceptFraming(_ octet: UInt8, limits: HTTPLimits) throws(HTTPError) {
        switch state {
        case .sizeStart:
            (remaining, digits) = (0, 0)
            state = .size
            try acceptDigit(octet)
        case .size:
            if octet == Octet.semicolon {
                state = .extensions
                try countExtension(limits)
            } else if octet == Octet.carriageReturn {
                state = .sizeLineFeed
            } else {
                try acceptDigit(octet)
            }
        case .extensions:
            if octet == Octet.carriageReturn {
                state = .sizeLineFeed
            } else {
                guard Octet.isFieldValue(octet) else { throw .chunkInvalid }
                try countExtension(limits)
            }
        case .sizeLineFeed:
            guard octet == Octet.lineFeed else { throw .chunkInvalid }
            guard remaining <= limits.bodyBytesMax - bodyCount else { throw .bodyTooLarge }
            bodyCount += remaining
            state = remaining == 0 ? .trailerStart : .data
        case .dataCarriageReturn:
            guard octet == Octet.carriageReturn else { throw .chunkInvalid }
            state = .dataLineFeed
        case .dataLineFeed:
            guard octet == Octet.lineFeed else { throw .chunkInvalid }
            state = .sizeStart
        case .data, .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed, .done:
            throw .chunkInvalid
        }
    }

    /// RFC 9112 7.1: "recipients MUST anticipate potentially large hexadecimal numerals": overflow is refused.
    private mutating func acceptDigit(_ octet: UInt8) throws(HTTPError) {
        guard let value = Octet.hexValue(octet) else { throw .chunkInvalid }
        digits += 1
        guard digits <= 16, remaining <= Int.max >> 4 else { throw .chunkInvalid }
        remaining = remaining << 4 | Int(value)
    }

    private mutating func countExtension(_ limits: HTTPLimits) throws(HTTPError) {
        extensionCount += 1
        guard extensionCount <= limits.chunkExtensionBytesMax else { throw .chunkExtensionsTooLong }
    }

    /// Trailers are checked and dropped: RFC 9110 6.5.1 forbids merging those it does not know into the head.
    private mutating func acceptTrailer(_ octet: UInt8, limits: HTTPLimits) throws(HTTPError) {
        trailerCount += 1
        guard trailerCount <= limits.trailerBytesMax else { throw .trailerTooLarge }
        switch state {
        case .trailerStart:
            if octet == Octet.carriageReturn {
                state = .lastLineFeed
            } else {
                guard Octet.isToken(octet) else { throw .trailerInvalid }
                state = .trailerName
            }
        case .trailerName:
            if octet == Octet.colon {
                state = .trailerValue
            } else {
                guard Octet.isToken(octet) else { throw .trailerInvalid }
            }
        case .trailerValue:
            if octet == Octet.carriageReturn {
                state = .trailerLineFeed
            } else {
                guard Octet.isFieldValue(octet) else { throw .trailerInvalid }
            }
        case .trailerLineFeed:
            guard octet == Octet.lineFeed else { throw .trailerInvalid }
            state = .trailerStart
        case .lastLineFeed:
            guard octet == Octet.lineFeed else { throw .trailerInvalid }
            state = .done
        case .sizeStart, .size, .extensions, .sizeLineFeed, .data, .dataCarriageReturn, .dataLineFeed, .done:
            throw .trailerInvalid
        }
    }
}

extension ChunkedDecoder.State {
    fileprivate var isTrailer: Bool {
        switch self {
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed: true
        case .sizeStart, .size, .extensions, .sizeLineFeed, .data, .dataCarriageReturn, .dataLineFeed, .done: false
        }
    }
}
