extension LineText {
    /// `bytes` of UTF-8 for a terminal, line by line or in any other pieces: what would speak to it is U+FFFD, line
    /// breaks and tabs stay. Bytes that are no UTF-8 are the terminal's to show.
    public static func shown(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var shown: [UInt8] = []
        shown.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let count = commandBytes(bytes, at: index)
            if count > 0 {
                shown += replacement
                index += count
            } else {
                shown.append(bytes[index])
                index += 1
            }
        }
        return shown
    }

    private static let replacement = Array("\u{fffd}".utf8)

    /// Bytes of the command at `index`, in UTF-8 what ``isCommand(_:)`` names; 0: none.
    private static func commandBytes(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        func byte(_ offset: Int) -> UInt8 { index + offset < bytes.count ? bytes[index + offset] : 0 }
        switch bytes[index] {
        case UInt8(ascii: "\n"), UInt8(ascii: "\t"): return 0
        case 0..<0x20, 0x7f: return 1
        case 0xc2: return (0x80...0x9f).contains(byte(1)) ? 2 : 0
        case 0xe2 where byte(1) == 0x80: return (0xa8...0xae).contains(byte(2)) ? 3 : 0
        case 0xe2 where byte(1) == 0x81: return (0xa6...0xa9).contains(byte(2)) ? 3 : 0
        case 0xf3 where byte(1) == 0xa0 && (0x80...0x81).contains(byte(2)) && byte(3) != 0: return 4
        default: return 0
        }
    }
}
