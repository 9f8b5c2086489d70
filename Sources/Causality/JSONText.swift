/// Reads JSON text one level at a time: where the members and elements lie, and whether two values are the same.
///
/// The text was validated before it was stored (Wire's scanner); here whatever is not JSON reads as nil, and nothing
/// traps. Values are slices of the text, so that one that is only moved keeps its bytes.
enum JSONText {
    typealias Value = ArraySlice<UInt8>

    struct Member {
        /// As UTF-8, escapes decoded.
        let name: [UInt8]
        /// With its quotes, as it stands.
        let nameText: Value
        let value: Value
    }

    /// Levels past which values are told apart by their bytes only: twice what the wire lets in.
    static let depthMax = 128
    /// Largest counter, either side of 0: exact in every JSON reader.
    static let integerMax: Int64 = 1 << 53

    /// The members of an object in their order; nil where it is none, or where a name stands twice: such a body means
    /// something else to every reader.
    static func members(of text: Value) -> [Member]? {
        var walker = Walker(text)
        guard walker.consume(UInt8(ascii: "{")) else { return nil }
        var members: [Member] = []
        if walker.consume(UInt8(ascii: "}")) { return members }
        repeat {
            guard walker.peek() == UInt8(ascii: "\""), let name = walker.value(), walker.consume(UInt8(ascii: ":")),
                let value = walker.value()
            else { return nil }
            members.append(Member(name: characters(of: name), nameText: name, value: value))
        } while walker.consume(UInt8(ascii: ","))
        guard walker.consume(UInt8(ascii: "}")), Set(members.map(\.name)).count == members.count else { return nil }
        return members
    }

    /// The elements of an array; nil where it is none.
    static func elements(of text: Value) -> [Value]? {
        var walker = Walker(text)
        guard walker.consume(UInt8(ascii: "[")) else { return nil }
        var elements: [Value] = []
        if walker.consume(UInt8(ascii: "]")) { return elements }
        repeat {
            guard let element = walker.value() else { return nil }
            elements.append(element)
        } while walker.consume(UInt8(ascii: ","))
        return walker.consume(UInt8(ascii: "]")) ? elements : nil
    }

    /// The number, where it is a plain whole one within ±2^53.
    static func integer(_ text: Value) -> Int64? {
        guard isPlainInteger(text), let number = Int64(String(decoding: text, as: UTF8.self)),
            number >= -integerMax, number <= integerMax
        else { return nil }
        return number
    }

    /// One text for all that mean the same: strings by their characters, objects whatever their order, plain whole
    /// numbers by their value, other numbers by their text (1.0 is not 1). What is not JSON stands for itself.
    static func canonical(_ text: Value) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var walker = Walker(text)
        guard appendCanonical(&walker, depth: 0, into: &bytes), walker.peek() == nil else { return Array(text) }
        return bytes
    }

    /// ``canonical(_:)``, without a copy where the text is canonical as it stands.
    static func key(_ text: Value) -> Value {
        switch text.first {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "-"): canonical(text)[...]
        case UInt8(ascii: "\"") where text.contains(UInt8(ascii: "\\")): canonical(text)[...]
        default: text
        }
    }

    /// One pass over the text, whatever its depth. False where it is not JSON.
    private static func appendCanonical(_ walker: inout Walker, depth: Int, into out: inout [UInt8]) -> Bool {
        switch walker.peek() {
        case UInt8(ascii: "{") where depth < depthMax:
            return appendMembers(&walker, depth: depth, into: &out)
        case UInt8(ascii: "[") where depth < depthMax:
            _ = walker.consume(UInt8(ascii: "["))
            var separator = UInt8(ascii: "[")
            while !(separator == UInt8(ascii: "[") && walker.peek() == UInt8(ascii: "]")) {
                out.append(separator)
                guard appendCanonical(&walker, depth: depth + 1, into: &out) else { return false }
                separator = UInt8(ascii: ",")
                guard walker.consume(separator) else { break }
            }
            if separator == UInt8(ascii: "[") { out.append(separator) }
            out.append(UInt8(ascii: "]"))
            return walker.consume(UInt8(ascii: "]"))
        default:
            guard let text = walker.value() else { return false }
            if text.first == UInt8(ascii: "\"") {
                appendQuoted(characters(of: text), into: &out)
            } else if text.elementsEqual("-0".utf8) {
                // -0 is 0; every other plain whole number has one text.
                out.append(UInt8(ascii: "0"))
            } else {
                out.append(contentsOf: text)
            }
            return true
        }
    }

    private static func appendMembers(_ walker: inout Walker, depth: Int, into out: inout [UInt8]) -> Bool {
        _ = walker.consume(UInt8(ascii: "{"))
        out.append(UInt8(ascii: "{"))
        let start = out.count
        var members: [(name: [UInt8], range: Range<Int>)] = []
        while !(members.isEmpty && walker.peek() == UInt8(ascii: "}")) {
            guard walker.peek() == UInt8(ascii: "\""), let nameText = walker.value(), walker.consume(UInt8(ascii: ":"))
            else { return false }
            let (name, begin) = (characters(of: nameText), out.count)
            appendQuoted(name, into: &out)
            out.append(UInt8(ascii: ":"))
            guard appendCanonical(&walker, depth: depth + 1, into: &out) else { return false }
            out.append(UInt8(ascii: ","))
            members.append((name, begin..<out.count))
            guard walker.consume(UInt8(ascii: ",")) else { break }
        }
        // By name, then by place: a name that stands twice keeps its order.
        let sorted = members.sorted {
            $0.name == $1.name
                ? $0.range.lowerBound < $1.range.lowerBound : $0.name.lexicographicallyPrecedes($1.name)
        }
        if zip(members, sorted).contains(where: { $0.range != $1.range }) {
            var moved: [UInt8] = []
            moved.reserveCapacity(out.count - start)
            for member in sorted { moved.append(contentsOf: out[member.range]) }
            out.replaceSubrange(start..., with: moved)
        }
        if !members.isEmpty { out.removeLast() }
        out.append(UInt8(ascii: "}"))
        return walker.consume(UInt8(ascii: "}"))
    }

    private static func isPlainInteger(_ text: Value) -> Bool {
        let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text
        return !digits.isEmpty && digits.allSatisfy { $0 &- 0x30 < 10 }
    }

    /// The characters of a string with its quotes, as UTF-8. Half a surrogate pair becomes the three bytes that its
    /// number would have: it stays different from every other character.
    private static func characters(of text: Value) -> [UInt8] {
        let inner = text.dropFirst().dropLast()
        guard inner.contains(UInt8(ascii: "\\")) else { return Array(inner) }
        var out: [UInt8] = []
        out.reserveCapacity(inner.count)
        var rest = inner
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let mark = rest.popFirst() else {
                out.append(byte)
                continue
            }
            switch mark {
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "n"): out.append(0x0a)
            case UInt8(ascii: "f"): out.append(0x0c)
            case UInt8(ascii: "r"): out.append(0x0d)
            case UInt8(ascii: "u"): appendScalar(escaped(&rest), into: &out)
            default: out.append(mark)
            }
        }
        return out
    }

    /// The number of a `\u` escape whose four digits are next, joined with the low half that follows a high one.
    private static func escaped(_ rest: inout Value) -> UInt32 {
        guard let high = hexadecimal(rest.prefix(4)) else { return 0xfffd }
        rest = rest.dropFirst(4)
        guard high & 0xfc00 == 0xd800, rest.prefix(2).elementsEqual("\\u".utf8),
            let low = hexadecimal(rest.dropFirst(2).prefix(4)), low & 0xfc00 == 0xdc00
        else { return high }
        rest = rest.dropFirst(6)
        return 0x1_0000 + (high & 0x3ff) << 10 + (low & 0x3ff)
    }

    private static func hexadecimal(_ digits: Value) -> UInt32? {
        digits.count == 4 ? UInt32(String(decoding: digits, as: UTF8.self), radix: 16) : nil
    }

    private static func appendScalar(_ value: UInt32, into out: inout [UInt8]) {
        func tail(_ shift: UInt32) { out.append(0x80 | UInt8(truncatingIfNeeded: value >> shift) & 0x3f) }
        switch value {
        case 0..<0x80: out.append(UInt8(truncatingIfNeeded: value))
        case 0x80..<0x800:
            out.append(0xc0 | UInt8(truncatingIfNeeded: value >> 6))
            tail(0)
        case 0x800..<0x1_0000:
            out.append(0xe0 | UInt8(truncatingIfNeeded: value >> 12))
            tail(6)
            tail(0)
        default:
            out.append(0xf0 | UInt8(truncatingIfNeeded: value >> 18) & 0x07)
            tail(12)
            tail(6)
            tail(0)
        }
    }

    private static func appendQuoted(_ characters: [UInt8], into out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in characters {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { out.append(UInt8(ascii: "\\")) }
            out.append(byte)
        }
        out.append(UInt8(ascii: "\""))
    }

    /// Steps over JSON text. Counts brackets and quotes and leaves the rest to whoever validated it.
    private struct Walker {
        private let text: Value
        private var index: Int

        init(_ text: Value) {
            self.text = text
            index = text.startIndex
        }

        mutating func peek() -> UInt8? {
            while index < text.endIndex {
                switch text[index] {
                case 0x20, 0x0a, 0x0d, 0x09: index += 1
                case let byte: return byte
                }
            }
            return nil
        }

        mutating func consume(_ wanted: UInt8) -> Bool {
            guard peek() == wanted else { return false }
            index += 1
            return true
        }

        mutating func value() -> Value? {
            guard let first = peek() else { return nil }
            let start = index
            switch first {
            case UInt8(ascii: "\""):
                guard string() else { return nil }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard brackets() else { return nil }
            default:
                while index < text.endIndex, !Walker.endsToken(text[index]) { index += 1 }
                guard index > start else { return nil }
            }
            return text[start..<index]
        }

        private mutating func brackets() -> Bool {
            var depth = 0
            while index < text.endIndex {
                switch text[index] {
                case UInt8(ascii: "\""):
                    guard string() else { return false }
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                default: break
                }
                index += 1
                if depth == 0 { return true }
            }
            return false
        }

        private mutating func string() -> Bool {
            index += 1
            while index < text.endIndex {
                switch text[index] {
                case UInt8(ascii: "\""):
                    index += 1
                    return true
                case UInt8(ascii: "\\"): index += 2
                default: index += 1
                }
            }
            return false
        }

        private static func endsToken(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x20, 0x0a, 0x0d, 0x09, UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "]"), UInt8(ascii: "}"):
                true
            default: false
            }
        }
    }
}
