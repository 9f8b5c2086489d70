import Foundation
import Testing
import Wire

@Suite struct JSONScannerTests {
    private func code(_ text: String) -> JSONError.Code? { code(Array(text.utf8)) }

    private func code(_ bytes: [UInt8]) -> JSONError.Code? {
        bytes.withUnsafeBytes { raw in
            do throws(JSONError) {
                _ = try JSONScanner.validate(raw)
                return nil
            } catch {
                return error.code
            }
        }
    }

    @Test(arguments: [
        "0", "-0", "1.5e-7", "[]", "{}", " [ 1 , {\"a\":null} ] ", "\"\\ud83d\\ude00\"", "\"é😀\u{7f}\"", "true", "\"\"",
        "{\"a\":1,\"a\":2}",
    ]) func validTextPasses(_ text: String) {
        #expect(code(text) == nil)
    }

    @Test(arguments: [
        ("", JSONError.Code.truncated), ("[1", .truncated), ("\"a", .truncated), ("tru", .truncated), ("-", .truncated),
        ("1.", .truncated), ("01", .badNumber), ("-a", .badNumber), ("1.x", .badNumber), ("1ex", .badNumber),
        ("+1", .unexpectedByte), ("nul1", .unexpectedByte), ("[1,]", .unexpectedByte), ("{1:2}", .unexpectedByte),
        ("[1}", .unexpectedByte), ("\"\\x\"", .badEscape), ("\"\\u12g4\"", .badEscape),
        ("\"\u{1}\"", .controlCharacter),
        ("\"\\ud800\"", .loneSurrogate), ("\"\\ude00\"", .loneSurrogate), ("1 2", .trailingBytes),
    ]) func badTextIsToldApart(_ text: String, _ expected: JSONError.Code) {
        #expect(code(text) == expected)
    }

    @Test func depthEndsAtItsLimit() {
        let most = JSONLimits.depthMax
        #expect(code(String(repeating: "[", count: most) + String(repeating: "]", count: most)) == nil)
        let over = String(repeating: "[{\"a\":", count: most) + "1" + String(repeating: "}]", count: most)
        #expect(code(over) == .tooDeep)
        #expect(code(String(repeating: "[", count: 100_000)) == .truncated)
        #expect(code(over.dropLast() + "}") == .unexpectedByte)
    }

    @Test(
        arguments: [
            [0xc0, 0xaf], [0xc1, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x80, 0x80, 0x80],
            [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x80], [0xff], [0xe2, 0x28, 0xa1],
        ] as [[UInt8]]) func malformedUTF8IsRefusedAtEveryAlignment(_ bad: [UInt8])
    {
        for lead in 0..<17 {
            let bytes = [0x22] + [UInt8](repeating: 0x61, count: lead) + bad + Array("aaaaaaaaa\"".utf8)
            #expect(code(bytes) == .badUTF8)
        }
    }

    /// The word-wise path must stop at every special byte wherever it lies in a word.
    @Test func everyByteAtEveryAlignmentIsJudgedAsTheNaiveReaderDoes() {
        for byte in UInt8.min...UInt8.max {
            for lead in 0..<10 {
                let bytes =
                    [0x22] + [UInt8](repeating: 0x61, count: lead) + [byte] + [UInt8](repeating: 0x62, count: 9) + [
                        0x22
                    ]
                var naive = NaiveJSON(bytes)
                #expect((code(bytes) == nil) == naive.isValid(), "byte \(byte) at \(lead)")
            }
        }
    }

    @Test func randomTextsAndMutationsAreJudgedAsTheNaiveReaderDoes() {
        let seed = UInt64.random(in: 0 ... .max)
        print("randomTextsAndMutations seed \(seed)")
        var random = SeededRandom(state: seed)
        let telling = Array("{}[]\",:\\u0d8-eE+.\u{0}tfn1 \n".utf8) + [0xff, 0xc3, 0xa9, 0xed, 0xf0, 0x9f]
        var validCount = 0
        for _ in 0..<30_000 {
            var bytes = Array(value(&random, depth: 0).utf8)
            for _ in 0..<Int.random(in: 0...2, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                bytes[index] = telling[Int.random(in: 0..<telling.count, using: &random)]
            }
            let found = code(bytes)
            var naive = NaiveJSON(bytes)
            let isValid = naive.isValid()
            #expect((found == nil) == isValid, "seed \(seed): \(bytes)")
            if found == nil { validCount += 1 }
            // JSONSerialization holds numbers in a double and refuses what is over it.
            if found == nil, text(bytes).firstMatch(of: /[0-9][eE]/) == nil {
                let object = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
                #expect(object != nil, "JSONSerialization refuses \(text(bytes))")
            }
        }
        #expect(validCount > 1_000)
    }

    private func value(_ random: inout SeededRandom, depth: Int) -> String {
        switch Int.random(in: 0..<(depth > 4 ? 5 : 7), using: &random) {
        case 0: "null"
        case 1: "true"
        case 2: String(Int.random(in: -1_000_000...1_000_000, using: &random))
        case 3: "\(Double.random(in: -1...1, using: &random))"
        case 4: string(&random)
        case 5:
            "["
                + (0..<Int.random(in: 0...4, using: &random)).map { _ in value(&random, depth: depth + 1) }
                .joined(separator: ", ") + "]"
        default:
            "{"
                + (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    string(&random) + ":" + value(&random, depth: depth + 1)
                }.joined(separator: ",") + "}"
        }
    }

    private func string(_ random: inout SeededRandom) -> String {
        let pieces = ["a", "longer text of some words", "é", "漢", "😀", "\\n", "\\u00e9", "\\ud83d\\ude00", "\\\"", "/"]
        return "\""
            + (0..<Int.random(in: 0...5, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined() + "\""
    }
}

/// The grammar of RFC 8259, recursive and byte by byte; UTF-8 by the standard library. Slow on purpose.
private struct NaiveJSON {
    let bytes: [UInt8]
    var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func isValid() -> Bool {
        guard String(validating: bytes, as: UTF8.self) != nil else { return false }
        guard value() else { return false }
        space()
        return index == bytes.count
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func space() {
        while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { index += 1 }
    }

    private mutating func take(_ wanted: String) -> Bool {
        guard bytes[index...].starts(with: wanted.utf8) else { return false }
        index += wanted.utf8.count
        return true
    }

    private mutating func value() -> Bool {
        space()
        switch next {
        case UInt8(ascii: "{"):
            return list("}") {
                $0.space()
                return $0.string() && $0.colon() && $0.value()
            }
        case UInt8(ascii: "["): return list("]") { $0.value() }
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return take("true")
        case UInt8(ascii: "f"): return take("false")
        case UInt8(ascii: "n"): return take("null")
        default: return number()
        }
    }

    private mutating func colon() -> Bool {
        space()
        return take(":")
    }

    private mutating func list(_ end: String, _ element: (inout NaiveJSON) -> Bool) -> Bool {
        index += 1
        space()
        if take(end) { return true }
        while true {
            guard element(&self) else { return false }
            space()
            if take(end) { return true }
            guard take(",") else { return false }
        }
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0") { guard digits() else { return false } }
        if take(".") { guard digits() else { return false } }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() else { return false }
        }
        return true
    }

    private mutating func digits() -> Bool {
        let start = index
        while let byte = next, (0x30...0x39).contains(byte) { index += 1 }
        return index > start
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while let byte = next {
            if take("\"") { return true }
            if byte < 0x20 { return false }
            if byte != 0x5c {
                index += 1
                continue
            }
            index += 1
            guard let letter = next else { return false }
            index += 1
            if letter == UInt8(ascii: "u") {
                guard let unit = hex() else { return false }
                if (0xdc00...0xdfff).contains(unit) { return false }
                if (0xd800...0xdbff).contains(unit) {
                    guard take("\\u"), let low = hex(), (0xdc00...0xdfff).contains(low) else { return false }
                }
            } else if !"\"\\/bfnrt".utf8.contains(letter) {
                return false
            }
        }
        return false
    }

    private mutating func hex() -> Int? {
        guard index + 4 <= bytes.count else { return nil }
        let digits = bytes[index..<index + 4]
        guard digits.allSatisfy({ "0123456789abcdefABCDEF".utf8.contains($0) }) else { return nil }
        index += 4
        return Int(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
