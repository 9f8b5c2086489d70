internal import Dispatch
internal import Foundation

/// SIGINT and SIGTERM as calls on a Dispatch queue.
final class StopSignals {
    private var sources: [any DispatchSourceSignal] = []

    /// Calls `handler` for each of them that comes, from now on. A second one ends the process at once, for those whose
    /// work will not end.
    init(_ handler: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "carillon.signals")
        let count = SignalCount()
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                if count.next() > 1 { _exit(128 + number) }
                handler()
            }
            source.resume()
            sources.append(source)
        }
    }

    deinit { for source in sources { source.cancel() } }
}

/// Signals so far.
// @unchecked: touched on the one serial queue of the signal sources only.
private final class SignalCount: @unchecked Sendable {
    private var count = 0

    func next() -> Int {
        count += 1
        return count
    }
}
