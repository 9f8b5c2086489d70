extension JSONScanner {
    /// Consumes a list of finite numbers that 32-bit floats hold, in the one pass that validates it.
    ///
    /// Nil, and nothing is consumed, where anything else is next, or a list of more than `countMax`: the slow way finds
    /// out what is wrong with it.
    public mutating func floats(countMax: Int) -> [Float]? {
        guard peek() == UInt8(ascii: "[") else { return nil }
        var walker = self
        walker.position += 1
        if walker.consume(UInt8(ascii: "]")) {
            position = walker.position
            return []
        }
        let numbers: [Float]? = withUnsafeTemporaryAllocation(of: Float.self, capacity: countMax) { numbers in
            var reader = FloatReader(UnsafeRawBufferPointer(start: base, count: end), from: walker.position)
            var count = 0
            while count < countMax {
                walker.position = reader.position
                if walker.peek() == nil { return nil }
                reader.position = walker.position
                guard let number = reader.next() else { return nil }
                numbers[count] = number
                count &+= 1
                walker.position = reader.position
                guard let mark = walker.peek() else { return nil }
                walker.position &+= 1
                if mark == UInt8(ascii: "]") { return Array(UnsafeBufferPointer(rebasing: numbers[..<count])) }
                guard mark == UInt8(ascii: ",") else { return nil }
                reader.position = walker.position
            }
            return nil
        }
        if numbers != nil { position = walker.position }
        return numbers
    }
}

/// Lists of floats as JSON, by themselves.
public enum FloatList {
    /// Nil where `bytes` are anything but a list of up to `countMax` finite numbers.
    public static func read(_ bytes: UnsafeRawBufferPointer, countMax: Int) -> [Float]? {
        var scanner = JSONScanner(bytes)
        guard let numbers = scanner.floats(countMax: countMax), scanner.peek() == nil else { return nil }
        return numbers
    }

    /// - Precondition: `numbers` are finite.
    public static func write(_ numbers: [Float], into out: inout [UInt8]) { out.putFloats(numbers) }
}

extension [UInt8] {
    /// `numbers`, all of them finite, as a JSON list.
    public mutating func putFloats(_ numbers: [Float]) {
        append(UInt8(ascii: "["))
        // 64 at a time, so that the texts gather on the stack.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64 * (FloatWriter.textBytesMax + 1)) { texts in
            guard let start = texts.baseAddress else { return }
            var next = start
            for (index, number) in numbers.enumerated() {
                if index & 63 == 0, index > 0 {
                    append(contentsOf: UnsafeBufferPointer(start: start, count: next - start))
                    next = start
                }
                if index > 0 {
                    next[0] = UInt8(ascii: ",")
                    next += 1
                }
                next += FloatWriter.write(number, to: next)
            }
            append(contentsOf: UnsafeBufferPointer(start: start, count: next - start))
        }
        append(UInt8(ascii: "]"))
    }
}
