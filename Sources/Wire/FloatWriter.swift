/// Writes 32-bit floats as the shortest decimal that reads back as the same bits; of several the closest.
///
/// The text is what Swift's `description` says, a number of RFC 8259 6, without a String for each. The digits are
/// Schubfach's (Raffaello Giulietti, "The Schubfach way to render doubles", 2020) for floats: the interval that rounds
/// to the float, in units of a power of ten that leaves at most two candidates.
enum FloatWriter {
    /// The longest text: `-1.1754944e-38`; of those without an exponent `-0.00012345679`.
    static let textBytesMax = 16

    /// Writes `float` at the beginning of `out`, which holds ``textBytesMax``; how many bytes it took.
    ///
    /// - Precondition: `float` is finite.
    @inline(__always)
    static func write(_ float: Float, to out: UnsafeMutablePointer<UInt8>) -> Int {
        var out = out
        let start = out
        if float.sign == .minus { put(UInt8(ascii: "-"), &out) }
        let bits = float.bitPattern & 0x7fff_ffff
        guard bits != 0 else {
            put(UInt8(ascii: "0"), &out)
            put(UInt8(ascii: "."), &out)
            put(UInt8(ascii: "0"), &out)
            return out - start
        }
        var (digits, exponent) = shortest(bits)
        while digits % 10 == 0 {
            digits /= 10
            exponent += 1
        }
        let count = digitCount(digits)
        // The value is 0.DIGITS times ten to this.
        let point = count + exponent
        if point < -3 || bits > 0x4b80_0000 {
            scientific(digits, count, point, &out)
        } else if point <= 0 {
            put(UInt8(ascii: "0"), &out)
            put(UInt8(ascii: "."), &out)
            for _ in 0..<(-point) { put(UInt8(ascii: "0"), &out) }
            put(digits, count, &out)
        } else if exponent >= 0 {
            put(digits, count, &out)
            for _ in 0..<exponent { put(UInt8(ascii: "0"), &out) }
            put(UInt8(ascii: "."), &out)
            put(UInt8(ascii: "0"), &out)
        } else {
            // One place further right than it belongs; the digits before the point then move left over it.
            put(digits, count, &out)
            for index in 0..<(count - point) { out[-index] = out[-index - 1] }
            out[point - count] = UInt8(ascii: ".")
            out += 1
        }
        return out - start
    }

    private static func scientific(
        _ digits: UInt32, _ count: Int, _ point: Int, _ out: inout UnsafeMutablePointer<UInt8>
    ) {
        let first = out
        out += 1
        put(digits, count, &out)
        first[0] = first[1]
        if count > 1 { first[1] = UInt8(ascii: ".") } else { out -= 1 }
        let power = point - 1
        put(UInt8(ascii: "e"), &out)
        put(power < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"), &out)
        let magnitude = UInt8(truncatingIfNeeded: power.magnitude)
        put(UInt8(ascii: "0") + magnitude / 10, &out)
        put(UInt8(ascii: "0") + magnitude % 10, &out)
    }

    @inline(__always)
    private static func put(_ byte: UInt8, _ out: inout UnsafeMutablePointer<UInt8>) {
        out[0] = byte
        out += 1
    }

    @inline(__always)
    private static func put(_ digits: UInt32, _ count: Int, _ out: inout UnsafeMutablePointer<UInt8>) {
        var rest = digits
        var index = count
        while index > 0 {
            index &-= 1
            let tenth = rest / 10
            out[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest &- tenth &* 10)
            rest = tenth
        }
        out += count
    }

    /// Of 1 to 9 digits.
    @inline(__always)
    private static func digitCount(_ number: UInt32) -> Int {
        if number >= 10_000_000 { return number >= 100_000_000 ? 9 : 8 }
        if number >= 100_000 { return number >= 1_000_000 ? 7 : 6 }
        if number >= 1_000 { return number >= 10_000 ? 5 : 4 }
        if number >= 10 { return number >= 100 ? 3 : 2 }
        return 1
    }

    /// The digits and the power of ten of a float by its bits, which are not 0 and have no sign.
    @inline(__always)
    private static func shortest(_ bits: UInt32) -> (digits: UInt32, exponent: Int) {
        let fraction = bits & 0x7f_ffff
        let raised = Int(bits >> 23)
        let significand = raised == 0 ? fraction : fraction | 0x80_0000
        let power = max(raised, 1) - 150
        if power <= 0, power > -24, significand.trailingZeroBitCount >= -power {
            return (significand >> UInt32(-power), 0)
        }
        // The neighbour below is half as far where the float is a power of two.
        let isCloserBelow = fraction == 0 && raised > 1
        let lowest = 4 &* significand &- (isCloserBelow ? 1 : 2)
        let highest = 4 &* significand &+ 2
        // Ends of the interval round to the float themselves where it is even.
        let odd = significand & 1
        let exponent = (power &* 1_262_611 &- (isCloserBelow ? 524_031 : 0)) >> 22
        let shift = UInt32(truncatingIfNeeded: power &+ ((-exponent &* 1_741_647) >> 19) &+ 1)
        let factor = PowerOfFive.high(-exponent) &+ (PowerOfFive.low(-exponent) == 0 ? 0 : 1)
        let lower = roundedToOdd(factor, lowest << shift) &+ odd
        let value = roundedToOdd(factor, (4 &* significand) << shift)
        let upper = roundedToOdd(factor, highest << shift) &- odd
        let quotient = value / 4
        if quotient >= 10 {
            let tenth = quotient / 10
            let isBelowInside = lower <= 40 &* tenth
            let isAboveInside = 40 &* tenth &+ 40 <= upper
            if isBelowInside != isAboveInside { return (tenth &+ (isAboveInside ? 1 : 0), exponent &+ 1) }
        }
        let isBelowInside = lower <= 4 &* quotient
        let isAboveInside = 4 &* quotient &+ 4 <= upper
        if isBelowInside != isAboveInside { return (quotient &+ (isAboveInside ? 1 : 0), exponent) }
        let middle = 4 &* quotient &+ 2
        let isUp = value > middle || (value == middle && quotient & 1 != 0)
        return (quotient &+ (isUp ? 1 : 0), exponent)
    }

    /// The high 32 bits of a 96-bit product, with the lowest of them set where anything was cut off.
    @inline(__always)
    private static func roundedToOdd(_ factor: UInt64, _ number: UInt32) -> UInt32 {
        let low = UInt64(number) &* (factor & 0xffff_ffff)
        let high = UInt64(number) &* (factor >> 32) &+ (low >> 32)
        return UInt32(truncatingIfNeeded: high >> 32) | (UInt32(truncatingIfNeeded: high) > 1 ? 1 : 0)
    }
}
