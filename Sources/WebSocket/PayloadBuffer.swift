internal import Glibc

/// The bytes of a message that is not whole yet.
///
/// It owns its memory by hand because an event points into it after the call returned, which no array allows. It grows
/// twofold with the bytes that came, never with a length that was only announced.
struct PayloadBuffer: ~Copyable {
    /// The first allocation: most partial messages are a few hundred bytes.
    private static let capacityMin = 512

    private var base: UnsafeMutableRawPointer?
    private(set) var count = 0
    private(set) var capacity = 0

    init() {}

    deinit { free(base) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// - Parameter countExpected: what it will hold in the end as far as announced; growth does not pass it.
    mutating func append(_ bytes: UnsafeRawBufferPointer, countExpected: Int) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        let needed = count + bytes.count
        if needed > capacity {
            let doubled = max(Self.capacityMin, capacity * 2)
            reallocate(max(needed, min(doubled, countExpected)))
        }
        base?.advanced(by: count).copyMemory(from: source, byteCount: bytes.count)
        count = needed
    }

    mutating func release() {
        guard capacity > 0 else { return }
        free(base)
        (base, count, capacity) = (nil, 0, 0)
    }

    private mutating func reallocate(_ capacity: Int) {
        guard let grown = realloc(base, capacity) else { preconditionFailure("out of memory") }
        base = grown
        self.capacity = capacity
    }
}
