import Foundation
import Testing
import Wire

@Suite struct LineTextTests {
    @Test(
        "a peer's text stays on its line and does not speak to a terminal",
        arguments: [
            ("a\nb\r\nc", #"a\u{A}b\u{D}\u{A}c"#), ("\u{1b}[31mred\u{1b}[0m", #"\u{1B}[31mred\u{1B}[0m"#),
            ("\u{9b}2J", #"\u{9B}2J"#), ("a\u{202e}b\u{2066}c", #"a\u{202E}b\u{2066}c"#),
            ("a\u{2028}b\0", #"a\u{2028}b\u{0}"#), ("\u{7f}\t", #"\u{7F}\u{9}"#),
            ("plain, with ü and 漢字", "plain, with ü and 漢字"), ("", ""),
        ])
    func lines(text: String, logged: String) {
        #expect(LineText.logged(text) == logged)
        #expect(!LineText.shown(text).unicodeScalars.contains { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) })
        #expect(LineText.shown("a\nb\u{1b}", keepsBreaks: true) == "a\nb\u{fffd}")
    }

    @Test("a line has an end")
    func long() {
        let line = LineText.logged(String(repeating: "x", count: 100_000))
        #expect(line.count == LineText.charactersMax + 1 && line.hasSuffix("…"))
    }

    @Test("a terminal's text keeps its lines, and what is no command, in whatever pieces it comes")
    func terminal() {
        let text = "a\tb\n\u{1b}[2J\u{9b}\u{202e}\u{2069}\u{e0041}\u{7f}ü漢\u{a0}\u{2026}\u{200d}\r"
        let clean = "a\tb\n\u{fffd}[2J" + String(repeating: "\u{fffd}", count: 5) + "ü漢\u{a0}\u{2026}\u{200d}\u{fffd}"
        #expect(Array(text.utf8).withUnsafeBytes { LineText.shown($0) } == Array(clean.utf8))
        // A character that is cut in two is not broken.
        for cut in 0..<6 {
            let bytes = Array("ü漢".utf8)
            let parts = [Array(bytes.prefix(cut)), Array(bytes.dropFirst(cut))]
            #expect(parts.flatMap { $0.withUnsafeBytes { LineText.shown($0) } } == bytes)
        }
    }

    static let key = "car_ABCDefgh_" + String(repeating: "s", count: 43)

    @Test(
        "secrets are left out wherever they stand",
        arguments: [
            ("no \(key) here", "no car_ABCDefgh_… here"), ("\(key)", "car_ABCDefgh_…"),
            ("\(key.dropLast(10)).", "car_ABCDefgh_…."), ("?key=\(key)&a=b", "?key=car_ABCDefgh_…&a=b"),
            ("at postgres://u:p%40ss@h/db now", "at postgres://u:…@h/db now"),
            ("postgres://u:p@ss@h/db", "postgres://u:…@h/db"), ("postgres://u@h/db", "postgres://u@h/db"),
            ("nats://token@h:4222", "nats://…@h:4222"), ("tls://token@h", "tls://…@h"),
            ("\"nats://u:p@h\"", "\"nats://u:…@h\""), ("host=h password=secret user=u", "host=h password=… user=u"),
            ("password='a b' user=u", "password=…' user=u"), ("db?sslpassword=x&y=z", "db?sslpassword=…&y=z"),
            ("http://h/a:b", "http://h/a:b"), ("car_short_x", "car_short_x"),
        ])
    func secrets(text: String, clean: String) {
        #expect(LineText.logged(text) == clean)
        #expect(LineText.withoutSecrets(clean) == clean)
    }
}
