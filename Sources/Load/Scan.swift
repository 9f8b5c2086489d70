internal import Glibc

/// Finds what is wanted in a frame by its eight first bytes, without parsing. The hub has parsed it, and the load must
/// cost less than the hub.
enum Scan {
    /// Eight bytes of text as they lie in memory.
    @inline(__always)
    static func word(_ text: StaticString) -> UInt64 {
        UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt64.self)
    }

    @inline(__always)
    static func isWord(_ word: UInt64, _ base: UnsafeRawPointer, at place: Int, end: Int) -> Bool {
        place >= 0 && place &+ 8 <= end && base.loadUnaligned(fromByteOffset: place, as: UInt64.self) == word
    }

    /// The first place of `word` from `start` on, wholly before `end`; nil: nowhere.
    static func find(_ word: UInt64, _ base: UnsafeRawPointer, from start: Int, end: Int) -> Int? {
        var place = start
        while place &+ 8 <= end {
            if base.loadUnaligned(fromByteOffset: place, as: UInt64.self) == word { return place }
            place &+= 1
        }
        return nil
    }

    /// The string that begins after the quote at `quote`, up to the next quote. Only for strings without escapes.
    static func string(_ base: UnsafeRawPointer, quote: Int, end: Int) -> UnsafeRawBufferPointer? {
        let start = quote + 1
        guard quote >= 0, start < end, base.load(fromByteOffset: quote, as: UInt8.self) == UInt8(ascii: "\""),
            let found = memchr(base + start, Int32(UInt8(ascii: "\"")), end - start)
        else { return nil }
        return UnsafeRawBufferPointer(start: base + start, count: UnsafeRawPointer(found) - (base + start))
    }

    /// The whole number at `start`, with the place behind it.
    static func number(_ base: UnsafeRawPointer, from start: Int, end: Int) -> (value: UInt64, end: Int)? {
        var value: UInt64 = 0
        var place = start
        while place < end {
            let digit = base.load(fromByteOffset: place, as: UInt8.self) &- 0x30
            guard digit < 10 else { break }
            value = value &* 10 &+ UInt64(digit)
            place &+= 1
        }
        return place > start ? (value, place) : nil
    }
}

/// The stretch of log that a frame of the hub covers.
struct Link {
    let after: UnsafeRawBufferPointer?
    let upTo: UnsafeRawBufferPointer
    /// Where the frame goes on behind `up_to`.
    let end: Int

    /// `"space"`, `"after"` and `"up_to"` stand at a frame's beginning.
    private static let headBytesMax = 1_024

    init?(_ base: UnsafeRawPointer, count: Int) {
        let head = min(count, Link.headBytesMax)
        guard let upToPlace = Scan.find(Scan.word("\"up_to\":"), base, from: 16, end: head),
            let upTo = Scan.string(base, quote: upToPlace + 8, end: head), let upToStart = upTo.baseAddress
        else { return nil }
        self.upTo = upTo
        end = upToStart - base + upTo.count + 1
        after = Scan.find(Scan.word("\"after\":"), base, from: 16, end: upToPlace)
            .flatMap { Scan.string(base, quote: $0 + 8, end: head) }
    }
}

/// How far a device is: the text of its last cursor.
struct ChainPlace {
    /// Longer than any cursor: 52 bytes.
    private static let bytesMax = 64
    private var bytes = InlineArray<64, UInt8>(repeating: 0)
    private(set) var count = 0

    /// Whether a frame that begins at `after` goes on from here. Nothing came yet: it does.
    mutating func goesOn(at after: UnsafeRawBufferPointer?) -> Bool {
        guard count > 0, let after else { return count == 0 }
        let count = count
        guard after.count == count, let other = after.baseAddress else { return false }
        return withUnsafeBytes(of: &bytes) { own in own.baseAddress.map { memcmp($0, other, count) == 0 } ?? false }
    }

    mutating func move(to upTo: UnsafeRawBufferPointer) {
        guard upTo.count <= ChainPlace.bytesMax else { return }
        withUnsafeMutableBytes(of: &bytes) { $0.copyMemory(from: upTo) }
        count = upTo.count
    }

    var text: String {
        var copy = bytes
        return withUnsafeBytes(of: &copy) { String(decoding: $0.prefix(count), as: UTF8.self) }
    }
}
