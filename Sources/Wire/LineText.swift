/// What a peer wrote, fit for a line of a log or of a terminal, and without what only its holder may know.
///
/// Names, kinds, reasons and paths are a peer's to choose. A control character among them would speak to the terminal,
/// a line break would begin a line that we never wrote, and a direction override would show it in another order.
public enum LineText {
    /// Characters of one line of a log. A sentence of ours with the names in it has some hundred; a store's own words
    /// may quote a statement.
    public static let charactersMax = 4_096

    /// For a log: one line, in which what would not show as itself is written `\u{1B}`; without secrets.
    public static func logged(_ text: String) -> String {
        if isPlain(text) { return text }
        return escaped(withoutSecrets(text), charactersMax: charactersMax)
    }

    /// For a terminal: what would speak to it is U+FFFD.
    public static func shown(_ text: some StringProtocol, keepsBreaks: Bool = false) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isKept = !isCommand(scalar) || keepsBreaks && scalar == "\n"
            shown.append(isKept ? scalar : "\u{fffd}")
        }
        return String(shown)
    }

    static func escaped(_ text: String, charactersMax: Int) -> String {
        var escaped = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            count += 1
            guard count <= charactersMax else {
                escaped.append("…")
                break
            }
            if isCommand(scalar) {
                escaped.append(contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
            } else {
                escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    /// C0 and C1 controls; line and paragraph separators; embeddings, overrides and isolates of direction (UAX #9);
    /// tag characters, which show as nothing.
    static func isCommand(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f...0x9f, 0x2028...0x202e, 0x2066...0x2069, 0xe0000...0xe007f: true
        default: false
        }
    }

    /// Most lines: short printable ASCII, in which no secret could begin.
    private static func isPlain(_ text: String) -> Bool {
        var count = 0
        for octet in text.utf8 {
            count += 1
            // "_" of keys, "=" of parameters, ":" of URLs.
            guard octet >= 0x20, octet < 0x7f, octet != UInt8(ascii: "_"), octet != UInt8(ascii: "="),
                octet != UInt8(ascii: ":"), count <= charactersMax
            else { return false }
        }
        return true
    }
}
