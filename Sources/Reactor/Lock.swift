import Glibc

/// The project's one lock: a pthread mutex, which ThreadSanitizer understands (`Synchronization.Mutex` it does not).
///
/// Not recursive. Prefer `Guarded`, which cannot be forgotten.
// @unchecked: the mutex is the thread safety; it lives at one address from init to deinit.
public final class Lock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    public init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        let result = pthread_mutex_init(mutex, nil)
        precondition(result == 0, "pthread_mutex_init failed: \(result)")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deinitialize(count: 1)
        mutex.deallocate()
    }

    public func lock() {
        let result = pthread_mutex_lock(mutex)
        precondition(result == 0, "pthread_mutex_lock failed: \(result)")
    }

    public func unlock() {
        let result = pthread_mutex_unlock(mutex)
        precondition(result == 0, "pthread_mutex_unlock failed: \(result)")
    }

    /// Runs `body` with the lock held.
    @inlinable
    public func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }

    /// Waits for `condition`, giving the lock up meanwhile; the caller holds it.
    fileprivate func wait(for condition: UnsafeMutablePointer<pthread_cond_t>) {
        pthread_cond_wait(condition, mutex)
    }
}

/// A value that is only reachable with its lock held.
// @unchecked: `value` is touched inside `withLock` only, and is Sendable itself, so nothing confined leaks out.
public final class Guarded<Value: Sendable>: @unchecked Sendable {
    @usableFromInline let lock = Lock()
    @usableFromInline var value: Value

    public init(_ value: Value) { self.value = value }

    /// Runs `body` on the value with the lock held. Keep it short; never call out of the module from it.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}

/// Opens once, and lets every waiter through: how `LoopAddress.join` learns that a loop has ended.
// @unchecked: `isOpen` is touched with the lock held; the condition variable is thread safe and never moves.
final class Latch: @unchecked Sendable {
    private let lock = Lock()
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var isOpen = false

    init() {
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deinitialize(count: 1)
        condition.deallocate()
    }

    func open() {
        lock.withLock {
            isOpen = true
            pthread_cond_broadcast(condition)
        }
    }

    func wait() {
        lock.withLock {
            while !isOpen { lock.wait(for: condition) }
        }
    }
}
