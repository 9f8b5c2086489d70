internal import Glibc

/// Aborts with a sentence where `holds` is false: libFuzzer then keeps the input.
func require(
    _ holds: Bool, _ sentence: @autoclosure () -> String, file: StaticString = #file, line: UInt = #line
) {
    if holds { return }
    let told = Array("PROPERTY: \(sentence()) (\(file):\(line))\n".utf8)
    _ = told.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    abort()
}

/// SplitMix64, seeded with the input: the same input is always cut the same way.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(_ bytes: UnsafeRawBufferPointer) {
        // FNV-1a, 64 bits.
        state = bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01b3 }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// How an input is handed over.
enum Cutting {
    case whole
    case bytewise
    case random

    /// The pieces, in order; an empty one now and then.
    func pieces(of bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
        var pieces: [UnsafeRawBufferPointer] = []
        var random = SeededGenerator(bytes)
        var start = 0
        while start < bytes.count {
            let count =
                switch self {
                case .whole: bytes.count
                case .bytewise: 1
                case .random: Int.random(in: 0...max(1, min(64, bytes.count / 2)), using: &random)
                }
            let end = min(start + count, bytes.count)
            pieces.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            start = end
        }
        return pieces
    }
}

/// `bytes` in memory of their own, exactly as long, for the time of `body`: a reader that keeps or oversteps it is caught.
func withOwnMemory<Result>(
    _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeMutableRawBufferPointer) -> Result
) -> Result {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { memory.deallocate() }
    memory.copyMemory(from: bytes)
    return body(memory)
}
