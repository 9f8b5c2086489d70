internal import Glibc

/// Bytes that grow at one place in memory until they are handed to libpq, big-endian as its binary formats are.
///
/// An array of Swift's would be copied where several are pinned at once.
final class WireBuffer {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 256) {
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { base.deallocate() }

    /// Keeps the memory.
    func removeAll() { count = 0 }

    func append(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        if let start = bytes.baseAddress { memcpy(base + count, start, bytes.count) }
        count += bytes.count
    }

    func append<Number: FixedWidthInteger>(_ number: Number) {
        reserve(MemoryLayout<Number>.size)
        base.storeBytes(of: number.bigEndian, toByteOffset: count, as: Number.self)
        count += MemoryLayout<Number>.size
    }

    func append(utf8 text: String) {
        let isDone: Void? = text.utf8.withContiguousStorageIfAvailable { append(UnsafeRawBufferPointer($0)) }
        guard isDone == nil else { return }
        for byte in text.utf8 { append(byte) }
    }

    func set(_ number: Int32, at offset: Int) {
        base.storeBytes(of: number.bigEndian, toByteOffset: offset, as: Int32.self)
    }

    private func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
        memcpy(moved, base, count)
        base.deallocate()
        base = moved
        capacity = larger
    }
}
