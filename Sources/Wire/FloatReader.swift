/// Reads 32-bit floats out of JSON text, each correctly rounded from its decimal.
///
/// An embedding is most of its record's bytes: 384 numbers of 17 to 20 digits, as programs write the doubles that they
/// make of floats. Never by way of a Double: that rounds twice, and the second time wrongly where the first landed in
/// the middle between two floats.
///
/// The digits are gathered eight at a time; the 64 bits of the first 19 of them are multiplied by a power of five of 128
/// bits, of which a float needs the first 26 (Lemire, see ``PowerOfFive``). What is left open by that, more than 19
/// digits in the middle between two floats, goes to the standard library's exact reader.
struct FloatReader {
    private let base: UnsafeRawPointer
    private let end: Int
    /// Where the next byte is read.
    var position: Int

    /// - Precondition: `bytes` outlives the reader.
    init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0) {
        base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        end = bytes.count
        self.position = position
    }

    /// Consumes a number of the grammar of RFC 8259 6; nil where there is none, or its magnitude is over the largest
    /// float. The position is of no use then.
    @inline(__always)
    mutating func next() -> Float? {
        let start = position
        var index = position
        let isNegative = index < end && byte(index) == UInt8(ascii: "-")
        if isNegative { index &+= 1 }
        var digits: UInt64 = 0
        let whole = index
        guard index < end else { return nil }
        if byte(index) == UInt8(ascii: "0") {
            index &+= 1
            if index < end, isDigit(byte(index)) { return nil }
        } else {
            index = gather(from: index, into: &digits)
            guard index > whole else { return nil }
        }
        var digitCount = index &- whole
        var exponent = 0
        if index < end, byte(index) == UInt8(ascii: ".") {
            let fraction = index &+ 1
            index = gather(from: fraction, into: &digits)
            guard index > fraction else { return nil }
            exponent = fraction &- index
            digitCount &+= index &- fraction
        }
        if index < end, byte(index) | 0x20 == UInt8(ascii: "e") {
            guard let shift = power(from: &index) else { return nil }
            exponent = exponent &+ shift
        }
        position = index
        // 19 digits fit into 64 bits; of more, zeros in front may have been counted.
        let float =
            digitCount <= 19
            ? FloatReader.float(digits, exponent) : longFloat(start..<index)
        guard let float, float.isFinite else { return nil }
        return isNegative ? -float.magnitude : float.magnitude
    }

    /// Adds the digits from `start` on to `digits`, modulo 2^64; where they end.
    @inline(__always)
    private func gather(from start: Int, into digits: inout UInt64) -> Int {
        var index = start
        while index &+ 8 <= end {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            guard FloatReader.areDigits(word) else { break }
            digits = digits &* 100_000_000 &+ FloatReader.number(word)
            index &+= 8
        }
        while index < end, isDigit(byte(index)) {
            digits = digits &* 10 &+ UInt64(byte(index) &- 0x30)
            index &+= 1
        }
        return index
    }

    /// Whether eight bytes are digits: neither they nor they with 6 added leave 0x30 to 0x3f.
    @inline(__always)
    private static func areDigits(_ word: UInt64) -> Bool {
        let highs: UInt64 = 0xf0f0_f0f0_f0f0_f0f0
        let carried = (word &+ 0x0606_0606_0606_0606) & highs
        return (word & highs) | (carried >> 4) == 0x3333_3333_3333_3333
    }

    /// The number of eight digits, the first in the lowest byte: pairs, pairs of pairs, and those.
    @inline(__always)
    private static func number(_ word: UInt64) -> UInt64 {
        var rest = word &- 0x3030_3030_3030_3030
        rest = rest &* 10 &+ rest >> 8
        let low = (rest & 0x0000_00ff_0000_00ff) &* 0x000f_4240_0000_0064
        let high = (rest >> 16 & 0x0000_00ff_0000_00ff) &* 0x0000_2710_0000_0001
        return (low &+ high) >> 32
    }

    /// The exponent behind `e`; nil where it has no digit. Past 99,999 it decides alone.
    @inline(never)
    private func power(from index: inout Int) -> Int? {
        index += 1
        var isNegative = false
        if index < end, byte(index) == UInt8(ascii: "+") || byte(index) == UInt8(ascii: "-") {
            isNegative = byte(index) == UInt8(ascii: "-")
            index += 1
        }
        let first = index
        var power = 0
        while index < end, isDigit(byte(index)) {
            power = min(power * 10 + Int(byte(index) - 0x30), 99_999_999)
            index += 1
        }
        return index > first ? (isNegative ? -power : power) : nil
    }

    /// A number of more than 19 digits: by its first 19 that count, where what follows cannot matter.
    @inline(never)
    private func longFloat(_ text: Range<Int>) -> Float? {
        var digits: UInt64 = 0
        var (kept, exponent, isFraction) = (0, 0, false)
        var index = text.lowerBound
        while index < text.upperBound {
            let next = byte(index)
            if next | 0x20 == UInt8(ascii: "e") {
                guard let shift = power(from: &index) else { return nil }
                exponent += shift
                break
            }
            index += 1
            if next == UInt8(ascii: ".") { isFraction = true }
            guard isDigit(next) else { continue }
            if kept < 19 {
                digits = digits * 10 + UInt64(next - 0x30)
                if digits > 0 { kept += 1 }
                if isFraction { exponent -= 1 }
            } else if !isFraction {
                exponent += 1
            }
        }
        // What was cut off is less than one of the last kept digit.
        if let low = FloatReader.float(digits, exponent), kept < 19 || low == FloatReader.float(digits + 1, exponent) {
            return low
        }
        return Float(
            String(
                decoding: UnsafeRawBufferPointer(start: base + text.lowerBound, count: text.count), as: UTF8.self))
    }

    /// `digits` times 10^`exponent`, rounded to the nearest float, ties to even; infinite where it is too large.
    @inline(__always)
    static func float(_ digits: UInt64, _ exponent: Int) -> Float? {
        // 2^64 times 10^-65 is less than half of the smallest float.
        guard digits != 0, exponent >= PowerOfFive.exponentMin + 1 else { return 0 }
        guard exponent <= 38 else { return .infinity }
        let zeros = digits.leadingZeroBitCount
        let factor = digits << UInt64(zeros)
        var (high, low) = factor.multipliedFullWidth(by: PowerOfFive.high(exponent))
        // 23 bits of fraction, one in front, one to round by and one for the product's own shift are 26; only where all
        // others are ones may the rest of the power change them.
        let mask = UInt64.max >> 26
        if high & mask == mask {
            let more = factor.multipliedFullWidth(by: PowerOfFive.low(exponent)).high
            let (sum, isCarried) = low.addingReportingOverflow(more)
            low = sum
            if isCarried { high &+= 1 }
        }
        let top = Int(truncatingIfNeeded: high >> 63)
        let shift = UInt64(truncatingIfNeeded: top + 64 - 23 - 3)
        var fraction = high >> shift
        var power = PowerOfFive.binaryExponentOfTen(exponent) + 63 + top - zeros + 127
        if power <= 0 {
            // Subnormal, or rounded up to the least that is not.
            guard power > -63 else { return 0 }
            fraction >>= UInt64(truncatingIfNeeded: 1 - power)
            fraction = (fraction + (fraction & 1)) >> 1
            return Float(bitPattern: UInt32(truncatingIfNeeded: fraction))
        }
        // Exactly in the middle, which only small powers can be: to even.
        if low <= 1, exponent >= -17, exponent <= 10, fraction & 3 == 1, fraction << shift == high { fraction &= ~1 }
        fraction = (fraction &+ (fraction & 1)) >> 1
        if fraction >= 1 << 24 {
            fraction = 1 << 23
            power += 1
        }
        guard power < 255 else { return .infinity }
        return Float(
            bitPattern: UInt32(truncatingIfNeeded: power) << 23 | UInt32(truncatingIfNeeded: fraction & 0x7f_ffff))
    }

    @inline(__always)
    private func byte(_ index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

    @inline(__always)
    private func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
}
