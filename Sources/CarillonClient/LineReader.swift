internal import Glibc

/// Reads a file or a pipe line by line, with bounded memory.
public struct LineReader: ~Copyable {
    public enum Line: Sendable, Equatable {
        case text([UInt8])
        /// Longer than `lineBytesMax`; it was passed over.
        case tooLong

        /// Bytes of the text.
        var count: Int { if case .text(let bytes) = self { bytes.count } else { 0 } }
    }

    /// A file could not be read.
    public struct Failure: Error, Sendable {
        public let code: Int32
        public var sentence: String { String(cString: strerror(code)) }
    }

    private let descriptor: Int32
    private let lineBytesMax: Int
    private var chunk: [UInt8]
    private var chunkCount = 0
    private var position = 0
    /// Of the chunk's last line break; -1 where it has none.
    private var lastBreak = -1
    private var pending: [UInt8] = []
    private var isSkipping = false
    private var isEnded = false
    /// Bytes read so far, of lines that were returned.
    public private(set) var bytesTaken = 0

    /// - Parameter descriptor: stays the caller's.
    public init(descriptor: Int32, lineBytesMax: Int = 8 << 20, chunkBytes: Int = 256 << 10) {
        self.descriptor = descriptor
        self.lineBytesMax = lineBytesMax
        chunk = [UInt8](repeating: 0, count: chunkBytes)
    }

    /// The next line without its end; nil at the end of the input. The last line needs no end.
    public mutating func next() throws(Failure) -> Line? {
        while true {
            if position == chunkCount {
                guard try fill() else { return finish() }
            }
            let end = lineEnd()
            bytesTaken += end - position
            if !isSkipping { pending += chunk[position..<end] }
            if pending.count > lineBytesMax {
                pending = []
                isSkipping = true
            }
            position = end
            if end < chunkCount {
                position += 1
                bytesTaken += 1
                return take()
            }
        }
    }

    /// Where the line ends in the chunk, or the chunk itself. By memchr: byte by byte costs a nanosecond each, and
    /// embeddings have thousands.
    private func lineEnd() -> Int {
        chunk.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress,
                let found = memchr(base + position, Int32(UInt8(ascii: "\n")), chunkCount - position)
            else { return chunkCount }
            return found - UnsafeMutableRawPointer(mutating: base)
        }
    }

    /// Whether the next line is still to be written by whoever writes the input: a pipe or a terminal that is silent.
    public var mustWait: Bool {
        guard !isEnded, position > lastBreak else { return false }
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, 0) == 0
    }

    private mutating func finish() -> Line? {
        isSkipping || !pending.isEmpty ? take() : nil
    }

    private mutating func take() -> Line {
        defer {
            pending = []
            isSkipping = false
        }
        return isSkipping ? .tooLong : .text(pending)
    }

    private mutating func fill() throws(Failure) -> Bool {
        guard !isEnded else { return false }
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                if code == EAGAIN {
                    // Somebody who shares our input made it non-blocking.
                    var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                    _ = poll(&ready, 1, -1)
                    continue
                }
                throw Failure(code: code)
            }
            isEnded = count == 0
            (position, chunkCount) = (0, count)
            lastBreak = chunk[..<max(0, count)].lastIndex(of: UInt8(ascii: "\n")) ?? -1
            return count > 0
        }
    }
}
