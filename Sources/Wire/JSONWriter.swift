/// Writing JSON into a byte buffer that its owner reuses.
extension [UInt8] {
    @inline(__always)
    public mutating func put(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// `text` as a JSON string, quotes included. Escapes what RFC 8259 7 demands and nothing else.
    public mutating func putString(_ text: String) {
        var text = text
        append(UInt8(ascii: "\""))
        text.withUTF8 { bytes in
            var copied = 0
            for (index, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5c {
                append(contentsOf: bytes[copied..<index])
                putEscape(byte)
                copied = index + 1
            }
            append(contentsOf: bytes[copied...])
        }
        append(UInt8(ascii: "\""))
    }

    private mutating func putEscape(_ byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0a: append(UInt8(ascii: "n"))
        case 0x0c: append(UInt8(ascii: "f"))
        case 0x0d: append(UInt8(ascii: "r"))
        case 0x22, 0x5c: append(byte)
        default:
            put("u00")
            append(hexDigit(byte >> 4))
            append(hexDigit(byte & 15))
        }
    }

    public mutating func putInteger(_ value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        // 20 digits hold every 64-bit integer.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var index = 20
            repeat {
                index -= 1
                digits[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            append(contentsOf: digits[index...])
        }
    }

    public mutating func putInteger(_ value: Int) { putInteger(Int64(value)) }

    public mutating func putBoolean(_ value: Bool) {
        if value { put("true") } else { put("false") }
    }

    /// Lower-case hexadecimal, at least `width` digits.
    public mutating func putHex(_ value: UInt64, width: Int) {
        let needed = Swift.max(width, (64 - value.leadingZeroBitCount + 3) / 4, 1)
        for index in stride(from: needed - 1, through: 0, by: -1) {
            append(hexDigit(UInt8(truncatingIfNeeded: value >> UInt64(4 * index)) & 15))
        }
    }
}

@inline(__always)
func hexDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}
