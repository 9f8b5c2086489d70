internal import Glibc

/// Finds the end of a head, keeping the part that came in earlier reads.
///
/// A head that lies whole in one read is parsed where it is. The limits are checked as bytes come and in the order of
/// the bytes, so a head that arrives byte by byte fails with the same error as one that arrives at once.
struct HeadCollector {
    enum Found {
        /// The head lies in the input, in this range.
        case inInput(Range<Int>)
        /// The head is `pending`.
        case inPending
    }

    private(set) var pending: [UInt8] = []
    private var headCount = 0
    private var lineCount = 0
    private var lineIndex = 0
    private var blankLines = 0
    private var lastOctet: UInt8 = 0

    /// True when no byte of a head has come.
    var isEmpty: Bool { headCount == 0 }

    /// Moves `position` over the bytes of the head; nil when it goes on beyond the input.
    mutating func collect(
        _ input: UnsafeRawBufferPointer, from position: inout Int, limits: HTTPLimits
    ) throws(HTTPError) -> Found? {
        let start = position
        while position < input.count, let base = input.baseAddress?.advanced(by: position) {
            let available = input.count - position
            let lineFeed = memchr(base, Int32(Octet.lineFeed), available)
            let span = lineFeed.map { base.distance(to: UnsafeRawPointer($0)) + 1 } ?? available
            lineCount += span
            headCount += span
            // One more than the limit for the CR; the LF is not counted when it is here.
            if lineIndex == 0, lineCount - (lineFeed == nil ? 0 : 1) > limits.requestLineBytesMax + 1 {
                throw .requestLineTooLong
            }
            if headCount > limits.headBytesMax { throw .headTooLarge }
            position += span
            let before = span >= 2 ? input[position - 2] : lastOctet
            lastOctet = input[position - 1]
            guard lineFeed != nil else { break }
            // RFC 9112 2.2 allows a lone LF as a line end; we differ, for two readers of one line end is smuggling.
            guard before == Octet.carriageReturn else { throw .lineEndInvalid }
            defer { lineCount = 0 }
            if lineCount > 2 {
                lineIndex += 1
            } else if lineIndex == 0 {
                // RFC 9112 2.2: one empty line before the request line is ignored.
                blankLines += 1
                guard blankLines == 1 else { throw .requestLineInvalid }
            } else {
                return complete(input, start..<position)
            }
        }
        pending.append(contentsOf: input[start..<position])
        return nil
    }

    /// Gives the memory of a collected head back: an idle connection holds none.
    mutating func release() {
        self = HeadCollector()
    }

    private mutating func complete(_ input: UnsafeRawBufferPointer, _ range: Range<Int>) -> Found {
        if pending.isEmpty { return .inInput(range) }
        pending.append(contentsOf: input[range])
        return .inPending
    }
}
