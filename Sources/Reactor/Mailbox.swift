import CLinux
import Glibc

/// What other threads have to say to a loop: a lock, an array and an eventfd.
///
/// The eventfd is written only when the mailbox was empty, so a burst of posts costs one wakeup; what the loop's own
/// thread posts costs none, the loop takes it before it flushes. Draining swaps two arrays that keep their room: steady
/// traffic allocates nothing. Mail of one poster arrives in the order of its posts.
/// There is no cap here: each poster bounds what it has under way (a lane by its batches, an acceptor by its backlog).
public final class Mailbox<Mail: Sendable>: Sendable {
    @usableFromInline
    struct Contents: Sendable {
        @usableFromInline var items: ContiguousArray<Mail> = []
        @usableFromInline var isStopped = false
        /// What is here was begun by the loop's own thread, so nobody wrote the eventfd for it.
        @usableFromInline var isUnannounced = false
        /// The thread that drains; 0 before the loop runs.
        @usableFromInline var owner: UInt = 0

        @usableFromInline var isOwn: Bool { owner == Self.currentThread }
        @usableFromInline static var currentThread: UInt { UInt(pthread_self()) }
    }

    @usableFromInline let contents = Guarded(Contents())
    let wakeDescriptor: Int32

    /// Throws `ReactorError.system` when the process has no descriptor left.
    public init() throws(ReactorError) {
        wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard wakeDescriptor >= 0 else { throw .system(call: "eventfd", code: errno) }
    }

    // The descriptor lives as long as any poster, so that a post after the loop's end never writes into a stranger's.
    deinit { _ = Glibc.close(wakeDescriptor) }

    /// Leaves `mail` for the loop, from any thread. Dropped when the loop was told to stop.
    @inlinable
    public func post(_ mail: Mail) {
        let mustWake = contents.withLock { contents in
            guard !contents.isStopped else { return false }
            contents.items.append(mail)
            guard contents.items.count == 1 else { return false }
            contents.isUnannounced = contents.isOwn
            return !contents.isUnannounced
        }
        if mustWake { wake() }
    }

    /// From now on the current thread is the loop's.
    func own() { contents.withLock { $0.owner = Contents.currentThread } }

    /// Tells the loop to end after the mail that is already here.
    public func requestStop() {
        contents.withLock { $0.isStopped = true }
        wake()
    }

    /// Swaps the waiting mail into `batch`, which must be empty. Returns whether the loop was told to stop.
    func drain(into batch: inout ContiguousArray<Mail>) -> Bool {
        var count: UInt64 = 0
        // Before the swap: a post that comes in between finds the mailbox non-empty, writes nothing, and is swapped out.
        _ = Glibc.read(wakeDescriptor, &count, MemoryLayout<UInt64>.size)
        return contents.withLock { contents in
            swap(&contents.items, &batch)
            contents.isUnannounced = false
            return contents.isStopped
        }
    }

    /// Swaps mail that the loop's own thread began into `batch`, which must be empty. Other mail has its event coming.
    func drainUnannounced(into batch: inout ContiguousArray<Mail>) {
        contents.withLock { contents in
            guard contents.isUnannounced else { return }
            swap(&contents.items, &batch)
            contents.isUnannounced = false
        }
    }

    /// Writes the eventfd for mail that is still unannounced: the loop is about to wait.
    func announce() {
        let mustWake = contents.withLock { contents in
            defer { contents.isUnannounced = false }
            return contents.isUnannounced
        }
        if mustWake { wake() }
    }

    @usableFromInline
    func wake() {
        var one: UInt64 = 1
        // It fails only with EAGAIN, at 2^64 - 2 unread wakeups, or EINTR, before anything was written.
        while Glibc.write(wakeDescriptor, &one, MemoryLayout<UInt64>.size) < 0, errno == EINTR {}
    }
}

/// A loop as other threads see it.
public struct LoopAddress<Mail: Sendable>: Sendable {
    public let mailbox: Mailbox<Mail>
    let ended: Latch

    /// Leaves `mail` for the loop's handler. Dropped after `stop`.
    @inlinable
    public func post(_ mail: Mail) { mailbox.post(mail) }

    /// Asks the loop to end: it hands over the mail that is waiting, tries each outbox once, closes everything.
    public func stop() { mailbox.requestStop() }

    /// Blocks until the loop has ended. Never call it on the loop's own thread.
    public func join() { ended.wait() }
}
