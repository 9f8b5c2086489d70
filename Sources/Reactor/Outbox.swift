internal import CLinux
internal import Glibc

/// A run of unsent bytes: memory of the pool behind its header, or bytes shared with other connections.
///
/// Plain memory linked by pointers, because a class per segment costs a reference count on every hop of the hot path.
struct Segment {
    var next: UnsafeMutablePointer<Segment>?
    var base: UnsafeMutableRawPointer
    var start = 0
    var end = 0
    /// Bytes that fit from `base`; for shared bytes their end, so that nothing is ever appended.
    var capacity: Int
    var sizeClass: Int
    var shared: Unmanaged<SharedBytes>?
}

/// The loop's free segments: class 0 is a bare header for shared bytes, classes 1 to 4 hold 1, 4, 16 and 64 KiB.
struct SegmentPool {
    static let classCount = 5
    private let free: UnsafeMutablePointer<UnsafeMutablePointer<Segment>?>
    private let bytesMax: Int
    private(set) var freeBytes = 0
    /// Unsent bytes in the outboxes of this loop. Shared ones count once, on the loop that had them first and against
    /// the one that has them last: of one loop the number may be off, of all together it is right.
    var queuedBytes = 0

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
        free = .allocate(capacity: Self.classCount)
        free.initialize(repeating: nil, count: Self.classCount)
    }

    static func capacity(_ sizeClass: Int) -> Int { sizeClass == 0 ? 0 : 256 << (2 * sizeClass) }

    static func sizeClass(for bytes: Int) -> Int {
        for sizeClass in 1..<4 where bytes <= capacity(sizeClass) { return sizeClass }
        return 4
    }

    private static func footprint(_ sizeClass: Int) -> Int { MemoryLayout<Segment>.stride + capacity(sizeClass) }

    mutating func take(_ sizeClass: Int) -> UnsafeMutablePointer<Segment> {
        if let segment = free[sizeClass] {
            free[sizeClass] = segment.pointee.next
            freeBytes -= Self.footprint(sizeClass)
            segment.pointee.next = nil
            segment.pointee.start = 0
            segment.pointee.end = 0
            return segment
        }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: Self.footprint(sizeClass), alignment: 16)
        let segment = memory.bindMemory(to: Segment.self, capacity: 1)
        segment.initialize(
            to: Segment(
                base: memory + MemoryLayout<Segment>.stride, capacity: Self.capacity(sizeClass), sizeClass: sizeClass))
        return segment
    }

    mutating func give(_ segment: UnsafeMutablePointer<Segment>) {
        if let shared = segment.pointee.shared {
            if shared._withUnsafeGuaranteedRef({ $0.endHold() }) { queuedBytes -= segment.pointee.capacity }
            shared.release()
            segment.pointee.shared = nil
        }
        let sizeClass = segment.pointee.sizeClass
        guard freeBytes + Self.footprint(sizeClass) <= bytesMax else { return segment.deallocate() }
        freeBytes += Self.footprint(sizeClass)
        segment.pointee.next = free[sizeClass]
        free[sizeClass] = segment
    }

    /// Frees everything; the pool is not used again.
    func deallocate() {
        for sizeClass in 0..<Self.classCount {
            while let segment = free[sizeClass] {
                free[sizeClass] = segment.pointee.next
                segment.deallocate()
            }
        }
        free.deallocate()
    }
}

/// The unsent bytes of one connection. Trivial: it is freed by `removeAll`, not by a deinit.
struct Outbox {
    private var head: UnsafeMutablePointer<Segment>?
    private var tail: UnsafeMutablePointer<Segment>?
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ bytes: UnsafeRawBufferPointer, _ pool: inout SegmentPool) {
        guard var source = bytes.baseAddress else { return }
        var left = bytes.count
        while left > 0 {
            var room = tail.map { $0.pointee.capacity - $0.pointee.end } ?? 0
            if room == 0 {
                // As large as what waits already: a slow reader's backlog is a few large segments, not many small ones.
                let segment = pool.take(SegmentPool.sizeClass(for: max(left, count)))
                link(segment)
                room = segment.pointee.capacity
            }
            guard let tail else { return }
            let part = min(room, left)
            memcpy(tail.pointee.base + tail.pointee.end, source, part)
            tail.pointee.end += part
            count += part
            pool.queuedBytes += part
            source += part
            left -= part
        }
    }

    mutating func append(_ shared: SharedBytes, _ pool: inout SegmentPool) {
        guard let base = shared.storage.baseAddress, shared.count > 0 else { return }
        let segment = pool.take(0)
        segment.pointee.base = UnsafeMutableRawPointer(mutating: base)
        segment.pointee.end = shared.count
        segment.pointee.capacity = shared.count
        segment.pointee.shared = .passRetained(shared)
        if shared.beginHold() { pool.queuedBytes += shared.count }
        link(segment)
        count += shared.count
    }

    /// Names the first segments for a send; returns how many.
    func fill(_ parts: UnsafeMutableBufferPointer<iovec>) -> Int {
        var filled = 0
        var segment = head
        while let current = segment, filled < parts.count {
            parts[filled] = iovec(
                iov_base: current.pointee.base + current.pointee.start,
                iov_len: current.pointee.end - current.pointee.start)
            filled += 1
            segment = current.pointee.next
        }
        return filled
    }

    /// The first bytes in one piece, at most `limit`: where they lie, or copied into `record` when they are of several
    /// segments.
    func run(upTo limit: Int, _ record: UnsafeMutableRawPointer) -> UnsafeRawBufferPointer {
        guard let head else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let first = head.pointee.end - head.pointee.start
        if first >= limit || head.pointee.next == nil {
            return UnsafeRawBufferPointer(start: head.pointee.base + head.pointee.start, count: min(first, limit))
        }
        var filled = 0
        var segment: UnsafeMutablePointer<Segment>? = head
        while let current = segment, filled < limit {
            let part = min(current.pointee.end - current.pointee.start, limit - filled)
            memcpy(record + filled, current.pointee.base + current.pointee.start, part)
            filled += part
            segment = current.pointee.next
        }
        return UnsafeRawBufferPointer(start: record, count: filled)
    }

    /// Forgets the first `bytes`, which were sent.
    mutating func consume(_ bytes: Int, _ pool: inout SegmentPool) {
        var left = bytes
        count -= bytes
        while let segment = head {
            let length = segment.pointee.end - segment.pointee.start
            let isShared = segment.pointee.shared != nil
            guard left >= length else {
                segment.pointee.start += left
                if !isShared { pool.queuedBytes -= left }
                return
            }
            if !isShared { pool.queuedBytes -= length }
            left -= length
            head = segment.pointee.next
            if head == nil { tail = nil }
            pool.give(segment)
        }
    }

    mutating func removeAll(_ pool: inout SegmentPool) { consume(count, &pool) }

    private mutating func link(_ segment: UnsafeMutablePointer<Segment>) {
        if let tail { tail.pointee.next = segment } else { head = segment }
        tail = segment
    }
}
