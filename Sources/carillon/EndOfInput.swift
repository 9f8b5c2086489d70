internal import Dispatch
internal import Foundation

/// The end of standard input: how a child learns that its parent is gone, however that ended.
final class EndOfInput {
    private let source: any DispatchSourceRead

    init(_ handler: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "carillon.input")
        let source = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: queue)
        source.setEventHandler {
            var bytes: UInt64 = 0
            let count = withUnsafeMutableBytes(of: &bytes) { read(STDIN_FILENO, $0.baseAddress, $0.count) }
            guard count <= 0, !(count < 0 && (errno == EINTR || errno == EAGAIN)) else { return }
            source.cancel()
            handler()
        }
        source.resume()
        self.source = source
    }

    deinit { source.cancel() }
}
