internal import Foundation
internal import Wire

/// Standard output, by whole buffers: what was written is out, or the reader is gone.
enum Output {
    /// Nobody reads any more: `carillon tail | head` ends quietly.
    struct ReaderGone: Error {}

    /// Writes all of `bytes`. Blocks while the reader is slow, which is how it slows the hub down.
    static func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// What is for a program goes out as it is; a terminal is spoken to by nobody but us.
    static func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard isTerminal else { return try writeAll(bytes) }
        try LineText.shown(bytes).withUnsafeBytes { try writeAll($0) }
    }

    private static let isTerminal = Terminal.outputIsTerminal

    private static func writeAll(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let count = Foundation.write(STDOUT_FILENO, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count >= 0 {
                done += count
                continue
            }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN {
                var poller = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                _ = poll(&poller, 1, -1)
                continue
            }
            if code == EPIPE { throw ReaderGone() }
            throw CommandFailure(.inputOutput, "Cannot write: \(String(cString: strerror(code))).")
        }
    }

    static func write(_ text: String) throws { try write(Array(text.utf8)) }
}
