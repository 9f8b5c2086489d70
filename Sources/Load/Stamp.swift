internal import Glibc

/// What a change's body says of itself, at places that never move, so that a receiver reads it without a JSON parser.
///
///     {"load":"RRRRRRRR.PPPPPP.SSSSSSSS.TTTTTTTTTTTT......"}
///
/// R run, P publisher, S sequence number of the publisher's changes, T nanoseconds since the run's epoch at which the
/// push was meant to leave, all in lower-case hexadecimal; then points, up to the body's size.
struct Stamp: Equatable {
    var run: UInt32
    var publisher: Int
    var sequence: UInt32
    /// Nanoseconds since the run's epoch, 48 bits: 78 hours.
    var intended: UInt64

    static let bodyBytesMin = 48
    private static let textStart = 9
    private static let publisherStart = textStart + 9
    private static let sequenceStart = publisherStart + 7
    private static let intendedStart = sequenceStart + 9
    private static let textEnd = intendedStart + 12

    /// The eight bytes that every body begins with.
    @inline(__always) static var mark: UInt64 { Scan.word("{\"load\":") }

    /// Writes a body of `count` bytes, at least `bodyBytesMin`.
    func write(to base: UnsafeMutableRawPointer, count: Int) {
        base.storeBytes(of: Stamp.mark, as: UInt64.self)
        base.storeBytes(of: UInt8(ascii: "\""), toByteOffset: 8, as: UInt8.self)
        Hex.write(UInt64(run), digits: 8, to: base + Stamp.textStart)
        Hex.write(UInt64(publisher), digits: 6, to: base + Stamp.publisherStart)
        Hex.write(UInt64(sequence), digits: 8, to: base + Stamp.sequenceStart)
        Hex.write(intended, digits: 12, to: base + Stamp.intendedStart)
        for point in [Stamp.publisherStart, Stamp.sequenceStart, Stamp.intendedStart] {
            base.storeBytes(of: UInt8(ascii: "."), toByteOffset: point - 1, as: UInt8.self)
        }
        memset(base + Stamp.textEnd, Int32(UInt8(ascii: ".")), count - 2 - Stamp.textEnd)
        base.storeBytes(of: UInt8(ascii: "\""), toByteOffset: count - 2, as: UInt8.self)
        base.storeBytes(of: UInt8(ascii: "}"), toByteOffset: count - 1, as: UInt8.self)
    }

    /// Whether a body ends before `end`.
    @inline(__always)
    static func isEnd(_ end: UnsafeRawPointer) -> Bool {
        end.load(fromByteOffset: -2, as: UInt8.self) == UInt8(ascii: "\"")
            && end.load(fromByteOffset: -1, as: UInt8.self) == UInt8(ascii: "}")
    }

    init(run: UInt32, publisher: Int, sequence: UInt32, intended: UInt64) {
        self.run = run
        self.publisher = publisher
        self.sequence = sequence
        self.intended = intended
    }

    /// Reads a body that begins at `base` and has at least `bodyBytesMin` bytes. Nil: it is not one of ours.
    init?(_ base: UnsafeRawPointer) {
        guard let run = Hex.read(base + Stamp.textStart, digits: 8),
            let publisher = Hex.read(base + Stamp.publisherStart, digits: 6),
            let sequence = Hex.read(base + Stamp.sequenceStart, digits: 8),
            let intended = Hex.read(base + Stamp.intendedStart, digits: 12)
        else { return nil }
        self.init(
            run: UInt32(truncatingIfNeeded: run), publisher: Int(publisher),
            sequence: UInt32(truncatingIfNeeded: sequence), intended: intended)
    }
}

/// Numbers of a fixed count of hexadecimal digits.
enum Hex {
    static func write(_ value: UInt64, digits: Int, to base: UnsafeMutableRawPointer) {
        var rest = value
        var place = digits
        while place > 0 {
            place -= 1
            let nibble = UInt8(truncatingIfNeeded: rest & 15)
            base.storeBytes(of: nibble < 10 ? 0x30 &+ nibble : 0x57 &+ nibble, toByteOffset: place, as: UInt8.self)
            rest >>= 4
        }
    }

    @inline(__always)
    static func read(_ base: UnsafeRawPointer, digits: Int) -> UInt64? {
        var value: UInt64 = 0
        for place in 0..<digits {
            let byte = base.load(fromByteOffset: place, as: UInt8.self)
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt64(byte &- 0x30)
            case 0x61...0x66: value = value << 4 | UInt64(byte &- 0x57)
            default: return nil
            }
        }
        return value
    }
}
