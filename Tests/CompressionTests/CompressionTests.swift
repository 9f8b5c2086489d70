import Compression
import Testing

@Suite("Compression")
struct CompressionTests {
    static let text = Array(
        String(repeating: "{\"kind\":\"note\",\"id\":\"n1\",\"clock\":{\"a\":1}}\n", count: 3_000).utf8)

    private func deflated(_ plain: [UInt8], windowBits: Int = 15) throws -> [UInt8] {
        let deflater = try Deflater(.deflate(windowBits: windowBits), level: 6)
        var bytes: [UInt8] = []
        plain.withUnsafeBytes { deflater.deflate($0, .sync, into: &bytes) }
        return bytes
    }

    private func inflated(_ bytes: [UInt8], by inflater: Inflater, step: Int = .max) throws -> [UInt8] {
        var plain: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: step == .max ? max(bytes.count, 1) : step) {
            let part = Array(bytes[start..<min(bytes.count, step == .max ? bytes.count : start + step)])
            try part.withUnsafeBytes { try inflater.inflate($0) { plain.append(contentsOf: $0) } }
        }
        return plain
    }

    @Test("what is deflated with any window is inflated again, at once and byte by byte", arguments: 9...15)
    func roundTrips(windowBits: Int) throws {
        let bytes = try deflated(Self.text, windowBits: windowBits)
        #expect(bytes.count < Self.text.count / 10)
        #expect(bytes.suffix(4) == [0, 0, 0xFF, 0xFF])
        for step in [1, 7, .max] {
            let inflater = try Inflater(.deflate(windowBits: windowBits))
            inflater.begin(within: InflateBound(bytesMax: Self.text.count))
            #expect(try inflated(bytes, by: inflater, step: step) == Self.text)
            #expect(inflater.isWhole)
            #expect((inflater.takenBytes, inflater.madeBytes) == (bytes.count, Self.text.count))
        }
    }

    @Test("a window that zlib does not do is refused, and nothing leaks or traps", arguments: [-1, 0, 8, 16, 100])
    func windows(bits: Int) {
        #expect(throws: CompressionError.windowUnsupported) { try Deflater(.deflate(windowBits: bits), level: 6) }
        #expect(throws: CompressionError.windowUnsupported) { try Inflater(.deflate(windowBits: bits)) }
    }

    @Test("a reset forgets: the same bytes come of the same input")
    func resets() throws {
        let deflater = try Deflater(.deflate(windowBits: 15), level: 1)
        var first: [UInt8] = []
        var second: [UInt8] = []
        Self.text.withUnsafeBytes { deflater.deflate($0, .sync, into: &first) }
        deflater.reset()
        Self.text.withUnsafeBytes { deflater.deflate($0, .sync, into: &second) }
        #expect(first == second)
    }

    @Test("a bomb is stopped at the bound, having given out no more than the bound")
    func bombs() throws {
        // 1 MiB that would be 1 GiB: zeros, compressed once per piece.
        let deflater = try Deflater(.deflate(windowBits: 15), level: 9)
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var bomb: [UInt8] = []
        for _ in 0..<1_024 { zeros.withUnsafeBytes { deflater.deflate($0, .sync, into: &bomb) } }
        #expect(bomb.count < 2 << 20)
        let bounds = [
            (InflateBound(bytesMax: 5 << 20, ratioMax: 2_000), CompressionError.tooLarge),
            (InflateBound(bytesMax: 5 << 20), .tooDense),
            (InflateBound(bytesMax: 0), .tooLarge),
        ]
        for (bound, error) in bounds {
            let inflater = try Inflater(.deflate(windowBits: 15))
            inflater.begin(within: bound)
            var given = 0
            #expect(throws: error) {
                try bomb.withUnsafeBytes { try inflater.inflate($0) { given += $0.count } }
            }
            #expect(given <= bound.bytesMax)
            let dense = bound.freeBytes + bound.ratioMax * inflater.takenBytes
            if error == .tooDense { #expect(given <= dense) }
            #expect(inflater.madeBytes <= bound.bytesMax + 16 << 10)
        }
    }

    @Test("what is no DEFLATE and what is cut short is told, and random bytes never trap")
    func invalid() throws {
        let inflater = try Inflater(.deflate(windowBits: 15))
        inflater.begin(within: InflateBound(bytesMax: 1 << 20))
        #expect(throws: CompressionError.invalid) { try inflated([0xFF, 0xFF, 0xFF], by: inflater) }
        inflater.reset()
        let bytes = try deflated(Self.text)
        _ = try inflated(Array(bytes.dropLast(20)), by: inflater)
        #expect(!inflater.isWhole)
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Generator(state: seed)
        for _ in 0..<2_000 {
            inflater.reset()
            inflater.begin(within: InflateBound(bytesMax: 64 << 10))
            var mutated = Array(bytes.prefix(200))
            mutated[Int.random(in: 0..<mutated.count, using: &generator)] = .random(in: 0...255, using: &generator)
            _ = try? inflated(mutated, by: inflater)
            #expect(inflater.madeBytes <= 80 << 10, "seed \(seed)")
        }
    }

    @Test("gzip of pieces made apart is one member, checked by its checksum")
    func gzip() throws {
        let deflater = try Deflater(.deflate(windowBits: 15), level: 6)
        var gzip = Gzip()
        var bytes = Gzip.header
        for start in stride(from: 0, to: Self.text.count, by: 10_007) {
            let part = Array(Self.text[start..<min(Self.text.count, start + 10_007)])
            let piece = part.withUnsafeBytes { GzipPiece($0, by: deflater) }
            gzip.add(piece)
            bytes += piece.bytes
        }
        bytes += gzip.trailer
        for step in [1, 100, .max] {
            let inflater = try Inflater(.gzip)
            inflater.begin(within: InflateBound(bytesMax: 1 << 20))
            #expect(try inflated(bytes, by: inflater, step: step) == Self.text)
            #expect(inflater.isWhole)
        }
        let inflater = try Inflater(.gzip)
        inflater.begin(within: InflateBound(bytesMax: 1 << 20))
        var wrong = bytes
        wrong[wrong.count - 6] ^= 1
        #expect(throws: CompressionError.invalid) { try inflated(wrong, by: inflater) }
        inflater.reset()
        #expect(throws: CompressionError.invalid) { try inflated(bytes + Array("garbage".utf8), by: inflater) }
        inflater.reset()
        _ = try inflated(Array(bytes.dropLast()), by: inflater)
        #expect(!inflater.isWhole)
        inflater.reset()
        inflater.begin(within: InflateBound(bytesMax: 1 << 20))
        let twice = Gzip.member(of: [1, 2], by: deflater) + Gzip.member(of: [3], by: deflater)
        #expect(try inflated(twice, by: inflater, step: 1) == [1, 2, 3])
        #expect(inflater.isWhole)
        #expect(try inflated(Gzip.member(of: [], by: deflater), by: inflater) == [])
    }
}

private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
