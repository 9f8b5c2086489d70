internal import Causality
internal import Storage

extension Cursor {
    /// Longest text: 2 + 16 + 8 + 14 + 8 digits and 4 dots.
    public static let textBytesMax = 52

    /// What the device keeps and sends back.
    public var text: String {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    public init(parsing text: String) throws(CursorError) {
        guard text.utf8.count <= Cursor.textBytesMax else { throw .notOurs }
        let bytes = Array(text.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].elementsEqual("c1".utf8),
            let generation = Cursor.hex(parts[1], widths: 16...16), let tag = Cursor.hex(parts[2], widths: 8...8),
            let position = Cursor.hex(parts[3], widths: 1...14), let check = Cursor.hex(parts[4], widths: 8...8),
            parts[3].count == 1 || parts[3].first != UInt8(ascii: "0"), position <= UInt64(Position.max.microseconds)
        else { throw .notOurs }
        guard check == UInt64(Cursor.check(bytes[..<parts[3].endIndex])) else { throw .damaged }
        self.init(
            generation: Generation(generation), spaceTag: UInt32(tag), position: Position(Int64(position)))
    }

    func write(into out: inout [UInt8]) {
        let start = out.count
        out.put("c1.")
        out.putHex(generation.value, width: 16)
        out.append(UInt8(ascii: "."))
        out.putHex(UInt64(spaceTag), width: 8)
        out.append(UInt8(ascii: "."))
        out.putHex(UInt64(bitPattern: position.microseconds), width: 1)
        let check = Cursor.check(out[start...])
        out.append(UInt8(ascii: "."))
        out.putHex(UInt64(check), width: 8)
    }

    /// FNV-1a, 32 bits.
    private static func check(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }

    /// Lower-case hexadecimal only: one cursor has one text.
    private static func hex(_ digits: ArraySlice<UInt8>, widths: ClosedRange<Int>) -> UInt64? {
        guard widths.contains(digits.count) else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard let nibble = hexValue(digit), digit < 0x41 || digit > 0x5a else { return nil }
            value = value << 4 | UInt64(nibble)
        }
        return value
    }
}

extension Cursor: CustomStringConvertible {
    public var description: String { text }
}
