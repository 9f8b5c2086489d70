import Testing
import WebSocket

@Suite struct MaskTests {
    @Test func wordsDoWhatTheNaiveLoopDoes() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(state: seed)
        for count in Array(0..<70) + [1000, 4099] {
            for offset in 0..<9 {
                let key = UInt32.random(in: 0...UInt32.max, using: &generator)
                let octets = (0..<4).map { UInt8(truncatingIfNeeded: key >> UInt32(24 - 8 * $0)) }
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let naive = bytes.enumerated().map { $1 ^ octets[($0 + offset) % 4] }
                var masked = [0] + bytes
                // From an odd address, for the words are loaded unaligned.
                masked.withUnsafeMutableBytes {
                    Mask.apply(key: key, offset: offset, to: UnsafeMutableRawBufferPointer(rebasing: $0[1...]))
                }
                #expect(Array(masked[1...]) == naive, "seed \(seed), count \(count), offset \(offset)")
            }
        }
    }
}

@Suite struct UTF8ValidatorTests {
    private func accepts(_ pieces: [ArraySlice<UInt8>]) -> Bool {
        var validator = UTF8Validator()
        return pieces.allSatisfy { $0.withUnsafeBytes { validator.accept($0) } } && validator.isComplete
    }

    @Test func everySplitAgreesWithTheStandardLibrary() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(state: seed)
        let parts: [[UInt8]] = [
            Array("a".utf8), Array("abcdefghijk".utf8), Array("é".utf8), Array("€".utf8), Array("😀".utf8),
            [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xF4, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0],
        ]
        for round in 0..<2000 {
            var bytes = (0..<Int.random(in: 1...5, using: &generator)).flatMap { _ in
                parts[Int.random(in: 0..<parts.count, using: &generator)]
            }
            if Bool.random(using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[place] = UInt8.random(in: 0...255, using: &generator)
            }
            let expected = String(validating: bytes, as: UTF8.self) != nil
            for split in 0...bytes.count {
                let found = accepts([bytes[..<split], bytes[split...]])
                #expect(found == expected, "seed \(seed), round \(round), \(bytes) at \(split)")
            }
            #expect(accepts(bytes.indices.map { bytes[$0...$0] }) == expected, "seed \(seed), round \(round)")
        }
    }

    @Test func everyPairOfOctetsAgreesWithTheStandardLibrary() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                for tail: [UInt8] in [[], [0x80], [0x80, 0x80]] {
                    let bytes = [first, second] + tail
                    let expected = String(validating: bytes, as: UTF8.self) != nil
                    if accepts([bytes[...]]) != expected { Issue.record("\(bytes)") }
                }
            }
        }
    }
}
