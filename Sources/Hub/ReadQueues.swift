internal import Dispatch
internal import Reactor

/// Where store reads, and small writes, are done off the event loops.
final class ReadQueues: Sendable {
    private let queues: [DispatchQueue]
    private let jobCount = Guarded(0)

    /// Work that runs or waits, that after a pause not counted.
    var underWay: Int { jobCount.withLock { $0 } }

    init(_ name: String = "read", count: Int) {
        queues = (0..<max(1, count)).map { DispatchQueue(label: "carillon.\(name).\($0)", qos: .userInitiated) }
    }

    /// Work of one `key` runs in order.
    func read(key: Int, _ work: @escaping @Sendable () -> Void) {
        jobCount.withLock { $0 += 1 }
        let jobCount = jobCount
        queue(key).async {
            work()
            jobCount.withLock { $0 -= 1 }
        }
    }

    /// The same, after a pause in which others have their turn.
    func read(key: Int, afterMilliseconds pause: Int, _ work: @escaping @Sendable () -> Void) {
        queue(key).asyncAfter(deadline: .now() + .milliseconds(pause), execute: work)
    }

    /// Returns when the work that the queues have now is done, or at `deadline`: a store that does not answer holds
    /// up nobody's end.
    func finish(by deadline: DispatchTime) {
        let done = DispatchGroup()
        for queue in queues { queue.async(group: done) {} }
        _ = done.wait(timeout: deadline)
    }

    private func queue(_ key: Int) -> DispatchQueue {
        queues[Int(UInt(bitPattern: key) % UInt(queues.count))]
    }
}
