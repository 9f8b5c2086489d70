internal import Synchronization

/// Immutable bytes that connections of several loops send without copying: a broadcast is encoded once.
public final class SharedBytes: Sendable {
    // nonisolated(unsafe): written in init only, freed in deinit only. Not an array, because an outbox keeps a pointer
    // to it between turns, and an array promises none.
    nonisolated(unsafe) let storage: UnsafeRawBufferPointer

    /// Outboxes that hold them, on all loops: what many hold is in memory once.
    private let holds = Atomic<Int>(0)

    public var count: Int { storage.count }

    /// True for the first hold of all.
    func beginHold() -> Bool { holds.add(1, ordering: .relaxed).oldValue == 0 }

    /// True for the last one.
    func endHold() -> Bool { holds.subtract(1, ordering: .relaxed).newValue == 0 }

    /// A copy of the bytes, for tests and logs.
    public var bytes: [UInt8] { Array(storage) }

    public convenience init(_ bytes: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
        self.init(owning: memory)
    }

    public convenience init(copying bytes: UnsafeRawBufferPointer) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        memory.copyMemory(from: bytes)
        self.init(owning: memory)
    }

    /// Lets `fill` write the `count` bytes; they are zero before.
    public convenience init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        fill(memory)
        self.init(owning: memory)
    }

    private init(owning memory: UnsafeMutableRawBufferPointer) { storage = UnsafeRawBufferPointer(memory) }

    deinit { storage.deallocate() }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(storage)
    }
}
