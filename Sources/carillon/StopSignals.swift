internal import Dispatch
internal import Foundation
internal import Reactor

/// SIGINT and SIGTERM as calls on a Dispatch queue.
final class StopSignals {
    private var sources: [any DispatchSourceSignal] = []

    /// Calls `handler` for each of them that comes, from now on. A second one ends the process at once, for those whose
    /// work will not end.
    ///
    /// - Parameter atOnce: what there is to do even then; it must not wait.
    init(_ handler: @escaping @Sendable () -> Void, atOnce: @escaping @Sendable () -> Void = {}) {
        let queue = DispatchQueue(label: "carillon.signals")
        let count = Guarded(0)
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                let isSecond = count.withLock { count in
                    count += 1
                    return count > 1
                }
                if isSecond {
                    atOnce()
                    _exit(128 + number)
                }
                handler()
            }
            source.resume()
            sources.append(source)
        }
    }

    deinit { for source in sources { source.cancel() } }
}
