internal import Dispatch
internal import Reactor

/// Work that takes much memory, some of it at once: hashes of passwords, 20 to 32 MiB each, which strangers can ask for.
///
/// One for the process, for its memory is one.
final class PasswordTurns: Sendable {
    static let shared = PasswordTurns()

    /// At once: 64 MiB, and cores are left for the shards.
    static let runningMax = 2
    /// Of those who wait each holds one of ``HubLimits/readQueueCount`` queues.
    static let waitingMax = 4

    private let slots = DispatchSemaphore(value: PasswordTurns.runningMax)
    private let count = Guarded(0)

    /// Runs `body` when it is its turn; nil where too many wait already.
    func perform<Value>(_ body: () -> Value) -> Value? {
        let isTaken = count.withLock { count in
            guard count < PasswordTurns.runningMax + PasswordTurns.waitingMax else { return false }
            count += 1
            return true
        }
        guard isTaken else { return nil }
        defer { count.withLock { $0 -= 1 } }
        slots.wait()
        defer { slots.signal() }
        return body()
    }
}
