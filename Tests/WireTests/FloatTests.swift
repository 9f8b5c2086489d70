import Causality
import Foundation
import Testing

@testable import Wire

/// A generator whose runs can be repeated (SplitMix64).
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

@Suite("Floats")
struct FloatTests {
    /// `CARILLON_FLOATS=10000000` for a long run; a debug build does 100,000 of each sort in a few seconds.
    private static let count = ProcessInfo.processInfo.environment["CARILLON_FLOATS"].flatMap { Int($0) } ?? 100_000

    /// The reader's answer; nil unless the text is one number from end to end.
    private func read(_ text: String) -> Float? {
        var text = text
        return text.withUTF8 { bytes in
            var reader = FloatReader(UnsafeRawBufferPointer(bytes))
            guard let number = reader.next(), reader.position == bytes.count else { return nil }
            return number
        }
    }

    private func written(_ float: Float) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: FloatWriter.textBytesMax) { out in
            guard let start = out.baseAddress else { return "" }
            return String(decoding: out[..<FloatWriter.write(float, to: start)], as: UTF8.self)
        }
    }

    /// The C library's correctly rounded answer; nil past the largest float.
    private func expected(_ text: String) -> Float? {
        let float = strtof(text, nil)
        return float.isFinite ? float : nil
    }

    private func compare(_ text: String) {
        let (told, wanted) = (read(text), expected(text))
        if told?.bitPattern != wanted?.bitPattern {
            Issue.record("\(text) reads as \(told as Any), not \(wanted as Any)")
        }
    }

    @Test("random decimals of 1 to 20 digits, and floats and doubles as programs write them, read as strtof reads them")
    func random() {
        var dice = Dice(state: 4)
        for _ in 0..<FloatTests.count {
            let float = Float(bitPattern: UInt32.random(in: 0..<0x7f80_0000, using: &dice))
            compare(float.description)
            compare(Double(float).description)
            compare("-0.\(UInt64.random(in: 0...UInt64.max, using: &dice))")
            let shift = UInt64.random(in: 0..<64, using: &dice)
            compare("\(dice.next() >> shift)e\(Int.random(in: -70...40, using: &dice))")
        }
    }

    @Test("the middle between two floats goes to the even one, and what is a hair beside it to its side")
    func middles() {
        var dice = Dice(state: 5)
        for round in 0..<FloatTests.count / 4 {
            let float = Float(bitPattern: UInt32.random(in: 0..<0x7f7f_ffff, using: &dice))
            let middle = (Double(float) + Double(float.nextUp)) / 2
            for text in [middle, middle.nextUp, middle.nextDown].map(\.description) { compare(text) }
            guard round % 16 == 0 else { continue }
            // All its digits, and one more than strtof could leave out.
            let exact = String(format: "%.150e", middle)
            compare(exact)
            compare(exact.replacingOccurrences(of: "e", with: "1e"))
        }
    }

    @Test(
        "the ends of the range, zeros, and numbers of many digits",
        arguments: [
            "0", "-0", "0.0", "-0.0e5", "0e99999", "1e-45", "7e-46", "7.006492321624085e-46", "7.006492321624086e-46",
            "1.1754943508222875e-38", "1.17549431578e-38", "3.4028234663852886e38", "3.4028235677973366e38",
            "3.4028235677973365e38", "1e39", "1e400", "1e-400", "1e99999999999", "1e-99999999999", "16777217",
            "16777219",
            "33554435", "9007199254740993", "8388608.5", "8388609.5", "0.000000000000000000000000000000000000011754944",
            "123456789012345678901234567890", "12345678901234567890123456789012345678901e-10",
            "0.00000000000000000000000001234567890123456789012345", "1.00000005960464477539062499999999999999",
            "1.000000059604644775390625", "1.00000005960464477539062500000000000001", "100000000000000000000e-20",
            "5e-1", "2E+2", "1e05", "18446744073709551615", "18446744073709551616",
        ])
    func edges(_ text: String) {
        compare(text)
        compare("-" + text.replacingOccurrences(of: "-0", with: "0"))
    }

    @Test(
        "what is no number of JSON is none",
        arguments: [
            "", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "1.e5", "0x1", "nan", "NaN", "inf", "Infinity", " 1",
            "1 ",
            "1_0", "1,0", "--1", "1.5.5", "1e5.5", "１",
        ])
    func grammar(_ text: String) {
        #expect(read(text) == nil)
    }

    @Test("a float is written as its description, in every binade, at its ends and at random")
    func writing() {
        var dice = Dice(state: 6)
        func compare(_ bits: UInt32) {
            let float = Float(bitPattern: bits)
            let text = written(float)
            if text != float.description { Issue.record("\(float) is written as \(text)") }
            if read(text)?.bitPattern != bits { Issue.record("\(text) does not read back as \(float)") }
        }
        for power in UInt32(0)..<255 {
            for fraction: UInt32 in [0, 1, 2, 3, 0x3f_ffff, 0x40_0000, 0x40_0001, 0x7f_fffe, 0x7f_ffff] {
                compare(power << 23 | fraction)
                compare(1 << 31 | power << 23 | fraction)
            }
        }
        for _ in 0..<FloatTests.count {
            compare(UInt32.random(in: 0..<0x7f80_0000, using: &dice))
            compare(Float.random(in: -1...1, using: &dice).bitPattern)
        }
        for number in 0..<2_000 { compare(Float(number).bitPattern) }
        for power in -40...38 { if let float = Float("1e\(power)") { compare(float.bitPattern) } }
    }

    @Test("the powers of five are those of exact arithmetic")
    func powers() {
        // Digits of 5^q in base 2^32, lowest first: exact for q from 0 on.
        var number: [UInt64] = [1]
        for exponent in 0...PowerOfFive.exponentMax {
            let width = (number.count - 1) * 32 + (64 - (number.last ?? 0).leadingZeroBitCount)
            var (high, low): (UInt64, UInt64) = (0, 0)
            for bit in 0..<min(width, 128) {
                let place = width - 1 - bit
                guard number[place / 32] >> UInt64(place % 32) & 1 == 1 else { continue }
                if bit < 64 { high |= 1 << UInt64(63 - bit) } else { low |= 1 << UInt64(127 - bit) }
            }
            #expect(PowerOfFive.high(exponent) == high && PowerOfFive.low(exponent) == low, "5^\(exponent)")
            #expect(PowerOfFive.binaryExponentOfTen(exponent) == width - 1 + exponent)
            var carry: UInt64 = 0
            for index in number.indices {
                let product = number[index] * 5 + carry
                (number[index], carry) = (product & 0xffff_ffff, product >> 32)
            }
            if carry > 0 { number.append(carry) }
        }
        // A reciprocal times its power is a power of two, but for less than two units in its last place.
        for exponent in PowerOfFive.exponentMin..<0 {
            let ratio =
                Double(sign: .plus, exponent: -63, significand: Double(PowerOfFive.high(exponent)))
                * pow(10, Double(-exponent)) * pow(2, Double(PowerOfFive.binaryExponentOfTen(exponent)))
            #expect(abs(ratio - 1) < 1e-13, "5^\(exponent)")
        }
    }

    @Test(
        "an embedding reads the same in one pass and by its elements",
        arguments: [
            "[]", "[ ]", "[1]", " [ 1.5 , -2e1\n,3 ] ", "[1,2", "[1,]", "[,1]", "[1 2]", "[\"1\"]", "[1,null]",
            "[1e99]", "[[1]]",
            "{}", "null", "7", "[1,2,3,4]",
        ])
    func lists(_ text: String) throws {
        var padded = text
        let fast: [Float]? = padded.withUTF8 { bytes in
            var scanner = JSONScanner(UnsafeRawBufferPointer(bytes))
            let numbers = scanner.floats(countMax: 3)
            if numbers == nil { #expect(scanner.position <= 1) }
            return numbers
        }
        let naive =
            (try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)) as? [NSNumber]
        let isPlain = naive?.allSatisfy { abs($0.doubleValue) < 1e38 } ?? false
        let hasOthers = text.contains("\"") || text.contains("null") || text.contains(",]") || text.contains("[[")
        let wanted = isPlain && !hasOthers ? naive.flatMap { $0.count <= 3 ? $0.map(\.floatValue) : nil } : nil
        #expect(fast == wanted)
    }

    @Test("a change's embedding is kept to the bit, and told again so that it reads back the same")
    func roundTrip() throws {
        var dice = Dice(state: 7)
        let numbers = (0..<384).map { _ in Float.random(in: -0.2...0.2, using: &dice) }
        let texts = numbers.map { Double($0).description }.joined(separator: ", ")
        let line = #"{"kind":"k","id":"i","clock":{"a":1},"hash":"h","body":1,"embedding":[\#(texts)]}"#
        guard case .change(let change) = PushBody.decodeChange(line: Array(line.utf8)) else {
            Issue.record("it is no change")
            return
        }
        #expect(change.embedding == numbers)
        var encoded: [UInt8] = []
        FrameEncoder.encodeChange(change, into: &encoded)
        guard case .change(let again) = PushBody.decodeChange(line: encoded) else {
            Issue.record("it is no change any more")
            return
        }
        #expect(again.embedding?.map(\.bitPattern) == numbers.map(\.bitPattern))
    }

    @Test(
        "a wrong embedding is refused by itself",
        arguments: [
            "[1,\"2\"]", "[1e39]", "{}", "7", "[null]",
            "[\(Array(repeating: "1", count: 8_193).joined(separator: ","))]",
        ])
    func refusal(_ embedding: String) {
        let line = #"{"kind":"k","id":"i","clock":{"a":1},"body":1,"embedding":\#(embedding)}"#
        guard case .rejected(let rejection) = PushBody.decodeChange(line: Array(line.utf8)) else {
            Issue.record("it was taken")
            return
        }
        #expect(rejection.error == .badEmbedding && rejection.id == "i")
    }
}
