/// Immutable bytes that connections of several loops send without copying: a broadcast is encoded once.
public final class SharedBytes: Sendable {
    // nonisolated(unsafe): written in init only, freed in deinit only. Not an array, because an outbox keeps a pointer
    // to it between turns, and an array promises none.
    nonisolated(unsafe) let storage: UnsafeRawBufferPointer

    public var count: Int { storage.count }

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
