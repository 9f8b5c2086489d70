internal import Compression

/// Cut anyhow, the same bytes or the same error; never a byte past the bound.
private struct Inflated: Equatable {
    var bytes: [UInt8] = []
    var error: CompressionError?
    var isWhole = false
}

private let bytesMax = 64 << 10

func inflateBare(_ bytes: UnsafeRawBufferPointer) {
    // Of 9 to 15, by the input itself.
    checkInflating(bytes, .deflate(windowBits: 15))
    roundTrip(bytes, windowBits: 9 + Int(bytes.first ?? 0) % 7)
}

func inflateGzip(_ bytes: UnsafeRawBufferPointer) {
    checkInflating(bytes, .gzip)
    guard let deflater = try? Deflater(.deflate(windowBits: 15), level: 1 + Int(bytes.first ?? 0) % 9) else { return }
    let member = Gzip.member(of: Array(bytes), by: deflater)
    let again = member.withUnsafeBytes { inflated($0, .gzip, .whole, InflateBound(bytesMax: .max, ratioMax: .max)) }
    require(again.error == nil && again.isWhole, "a member of ours is \(again.error.map { "\($0)" } ?? "cut short")")
    require(again.bytes.elementsEqual(bytes), "a member of ours holds other bytes")
}

private func checkInflating(_ bytes: UnsafeRawBufferPointer, _ format: CompressionFormat) {
    // Without a ratio: it is judged by what was taken so far, which the cuts decide.
    let bound = InflateBound(bytesMax: bytesMax, ratioMax: .max)
    let whole = inflated(bytes, format, .whole, bound)
    for cutting in [Cutting.random, .bytewise] {
        let cut = inflated(bytes, format, cutting, bound)
        require(cut.error == whole.error, "cut \(cutting): \(cut.error as Any), at once \(whole.error as Any)")
        guard whole.error == nil else { continue }
        require(cut == whole, "cut \(cutting): \(cut.bytes.count) bytes, at once \(whole.bytes.count)")
    }
    let dense = inflated(bytes, format, .random, InflateBound(bytesMax: .max, ratioMax: 4, freeBytes: 1_024))
    let most = max(1_024, 5 * bytes.count + 5)
    require(dense.bytes.count <= most, "\(dense.bytes.count) bytes of \(bytes.count), and 4 times is the bound")
}

private func inflated(
    _ bytes: UnsafeRawBufferPointer, _ format: CompressionFormat, _ cutting: Cutting, _ bound: InflateBound
) -> Inflated {
    var result = Inflated()
    do throws(CompressionError) {
        let inflater = try Inflater(format)
        inflater.begin(within: bound)
        for piece in cutting.pieces(of: bytes) {
            var failure: CompressionError?
            withOwnMemory(piece) { memory in
                do throws(CompressionError) {
                    try inflater.inflate(UnsafeRawBufferPointer(memory)) { result.bytes.append(contentsOf: $0) }
                } catch {
                    failure = error
                }
            }
            require(result.bytes.count <= bound.bytesMax, "\(result.bytes.count) bytes came, past the bound")
            if let failure { throw failure }
        }
        require(inflater.madeBytes == result.bytes.count, "\(inflater.madeBytes) told, \(result.bytes.count) came")
        require(inflater.takenBytes <= bytes.count, "\(inflater.takenBytes) taken of \(bytes.count)")
        result.isWhole = inflater.isWhole
    } catch {
        result.error = error
    }
    return result
}

/// Messages of one connection, as RFC 7692 has them: the window is kept, or not.
private func roundTrip(_ bytes: UnsafeRawBufferPointer, windowBits: Int) {
    for keepsWindow in [true, false] {
        do throws(CompressionError) {
            let deflater = try Deflater(.deflate(windowBits: windowBits), level: 6)
            let inflater = try Inflater(.deflate(windowBits: 15))
            for message in Cutting.random.pieces(of: bytes).prefix(16) {
                if !keepsWindow {
                    deflater.reset()
                    inflater.reset()
                }
                var compressed: [UInt8] = []
                deflater.deflate(message, .sync, into: &compressed)
                inflater.begin(within: InflateBound(bytesMax: message.count, ratioMax: .max))
                var again: [UInt8] = []
                var failure: CompressionError?
                compressed.withUnsafeBytes { raw in
                    do throws(CompressionError) {
                        try inflater.inflate(raw) { again.append(contentsOf: $0) }
                    } catch {
                        failure = error
                    }
                }
                require(failure == nil, "what we deflated is refused: \(failure.map { "\($0)" } ?? "")")
                require(again.elementsEqual(message), "a message comes back as another one")
                require(inflater.isWhole, "a message that was flushed is not whole")
            }
        } catch {
            require(false, "no stream: \(error)")
        }
    }
}
