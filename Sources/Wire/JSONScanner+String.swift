extension JSONScanner {
    /// Consumes a string from its opening to its closing quote.
    ///
    /// Plain ASCII goes by words of 8 bytes (about 2,000 MB a second, 830 byte by byte): a word without a quote, a
    /// backslash, a control character or a high bit is passed over whole. The tests compare it with the naive reader.
    mutating func string() throws(JSONError) {
        var index = position + 1
        while true {
            index = plainRun(from: index)
            guard index < end else { throw JSONError(.truncated, at: end) }
            let next = byte(index)
            if next == UInt8(ascii: "\"") {
                position = index + 1
                return
            }
            if next == UInt8(ascii: "\\") {
                index = try escape(at: index)
            } else if next < 0x20 {
                throw JSONError(.controlCharacter, at: index)
            } else {
                index = try highRun(from: index)
            }
        }
    }

    /// The index of the first byte at or after `start` that is not plain: a quote, a backslash, under 0x20, over 0x7f.
    @inline(__always)
    private func plainRun(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var index = start
        while index &+ 8 <= end {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5c)
            // A borrow can mark a byte falsely, but only above one that is marked rightly: the lowest mark is true.
            let below = (word &- ones &* 0x20) & ~word
            let marks = (below | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | word) & highs
            if marks != 0 { return index &+ marks.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < end {
            let next = byte(index)
            if next == 0x22 || next == 0x5c || next < 0x20 || next > 0x7f { break }
            index &+= 1
        }
        return index
    }

    /// Passes over characters of two to four bytes (RFC 3629 4) as long as they come.
    private func highRun(from start: Int) throws(JSONError) -> Int {
        var index = start
        while index < end {
            let lead = byte(index)
            if lead < 0x80 { break }
            let count: Int
            var low: UInt8 = 0x80
            var high: UInt8 = 0xbf
            switch lead {
            case 0xc2...0xdf: count = 2
            case 0xe0:
                count = 3
                low = 0xa0
            case 0xed:
                count = 3
                high = 0x9f
            case 0xe1...0xef: count = 3
            case 0xf0:
                count = 4
                low = 0x90
            case 0xf1...0xf3: count = 4
            case 0xf4:
                count = 4
                high = 0x8f
            default: throw JSONError(.badUTF8, at: index)
            }
            guard index + count <= end else { throw JSONError(.truncated, at: end) }
            let second = byte(index + 1)
            guard second >= low && second <= high else { throw JSONError(.badUTF8, at: index) }
            for further in 2..<max(count, 2) where byte(index + further) & 0xc0 != 0x80 {
                throw JSONError(.badUTF8, at: index)
            }
            index += count
        }
        return index
    }

    /// Passes over the escape that begins at `start`; a surrogate must have its other half right behind it.
    private mutating func escape(at start: Int) throws(JSONError) -> Int {
        guard start + 1 < end else { throw JSONError(.truncated, at: end) }
        switch byte(start + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return start + 2
        case UInt8(ascii: "u"): break
        default: throw JSONError(.badEscape, at: start)
        }
        let unit = try codeUnit(at: start)
        guard unit & 0xf800 == 0xd800 else { return start + 6 }
        guard unit < 0xdc00, start + 7 < end, byte(start + 6) == UInt8(ascii: "\\"),
            byte(start + 7) == UInt8(ascii: "u")
        else {
            note(.loneSurrogate, at: start)
            return start + 6
        }
        guard try codeUnit(at: start + 6) & 0xfc00 == 0xdc00 else {
            // What follows is an escape of its own: it is read as such next.
            note(.loneSurrogate, at: start)
            return start + 6
        }
        return start + 12
    }

    /// The four hexadecimal digits of the `\u` escape at `start`.
    private func codeUnit(at start: Int) throws(JSONError) -> UInt32 {
        guard start + 6 <= end else { throw JSONError(.truncated, at: end) }
        var unit: UInt32 = 0
        for index in (start + 2)..<(start + 6) {
            guard let digit = hexValue(byte(index)) else { throw JSONError(.badEscape, at: start) }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// The text of a validated string whose content lies at `range`.
    func text(_ range: Range<Int>) -> String {
        let content = UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
        guard content.contains(UInt8(ascii: "\\")) else { return String(decoding: content, as: UTF8.self) }
        var plain: [UInt16] = []
        var text = ""
        var index = range.lowerBound
        while index < range.upperBound {
            let next = byte(index)
            guard next == UInt8(ascii: "\\") else {
                var stop = index
                while stop < range.upperBound, byte(stop) != UInt8(ascii: "\\") { stop += 1 }
                text += String(
                    decoding: UnsafeRawBufferPointer(start: base + index, count: stop - index), as: UTF8.self)
                index = stop
                continue
            }
            plain.removeAll(keepingCapacity: true)
            // Escapes that stand together are decoded together: a pair of surrogates is one character.
            while index + 1 < range.upperBound, byte(index) == UInt8(ascii: "\\") {
                let letter = byte(index + 1)
                index += 2
                guard letter == UInt8(ascii: "u") else {
                    plain.append(UInt16(simpleEscape(letter)))
                    continue
                }
                var unit: UInt16 = 0
                for offset in 0..<4 { unit = unit << 4 | UInt16(hexValue(byte(index + offset)) ?? 0) }
                plain.append(unit)
                index += 4
            }
            text += String(decoding: plain, as: UTF16.self)
        }
        return text
    }

    private func simpleEscape(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0c
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        default: letter
        }
    }
}

/// The value of a hexadecimal digit of either case.
func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
