internal import Dispatch
internal import Foundation
internal import Reactor

/// Lines on their way to a descriptor, written by a queue of its own: whoever logs never waits for who reads.
///
/// A pipe that nobody empties holds up this queue's thread and nothing else. What does not fit is counted, and told in
/// a line when there is room again.
final class LogSink: Sendable {
    /// Bytes that wait for the reader: some ten thousand lines, a burst of seconds.
    static let pendingBytesMax = 2 << 20
    /// Seconds that the end of the process waits for the reader.
    static let farewellSeconds = 1

    private struct State {
        var pending: [UInt8] = []
        var leftOut = 0
        var isWriting = false
    }

    private let descriptor: Int32
    private let pendingBytesMax: Int
    /// Writes the line that tells of those that were left out.
    private let tell: @Sendable (Int) -> [UInt8]
    private let state = Guarded(State())
    private let queue = DispatchQueue(label: "carillon.log", qos: .utility)

    init(
        descriptor: Int32, pendingBytesMax: Int = LogSink.pendingBytesMax,
        tell: @escaping @Sendable (_ leftOut: Int) -> [UInt8]
    ) {
        self.descriptor = descriptor
        self.pendingBytesMax = pendingBytesMax
        self.tell = tell
    }

    /// Takes a line, with its end, to be written soon. Never blocks for long.
    func take(_ line: [UInt8]) {
        let begins = state.withLock { state in
            guard state.pending.count + line.count <= pendingBytesMax else {
                state.leftOut += 1
                return false
            }
            state.pending += line
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if begins { queue.async { self.write() } }
    }

    /// Waits until what was taken is written, but no longer than ``farewellSeconds``.
    func finish() {
        let done = DispatchGroup()
        queue.async(group: done) {}
        _ = done.wait(timeout: .now() + .seconds(LogSink.farewellSeconds))
    }

    private func write() {
        while true {
            let (bytes, leftOut) = state.withLock { state -> ([UInt8], Int) in
                defer { (state.pending, state.leftOut) = ([], 0) }
                if state.pending.isEmpty, state.leftOut == 0 { state.isWriting = false }
                return (state.pending, state.leftOut)
            }
            if bytes.isEmpty, leftOut == 0 { return }
            put(bytes)
            if leftOut > 0 { put(tell(leftOut)) }
        }
    }

    private func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = Foundation.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if count > 0 {
                    done += count
                } else if errno == EAGAIN {
                    var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&poller, 1, -1)
                } else if errno != EINTR {
                    // The reader is gone. That is no reason to stop.
                    return
                }
            }
        }
    }
}
