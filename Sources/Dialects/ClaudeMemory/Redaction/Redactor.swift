/// Replaces the credentials in a text by `[REDACTED:type]`. What is looked for is listed in
/// Protocol/dialects/REDACTION.md.
///
/// One pass over the bytes. No pattern is a regular expression: each begins at a byte that few texts have, looks at a
/// bounded number of bytes before it gives up, and what it has taken is not looked at again. So the time is linear in the
/// text, whatever it says.
enum Redactor {
    /// The text without credentials; nil where there are none. What is redacted once stays as it is.
    static func redact(_ text: String) -> String? {
        var text = text
        return text.withUTF8 { bytes in
            var scan = SecretScan(bytes)
            var clean: [UInt8] = []
            var copied = 0
            while let secret = scan.next() {
                clean += bytes[copied..<secret.range.lowerBound]
                clean += "[REDACTED:\(secret.type)]".utf8
                copied = secret.range.upperBound
            }
            guard copied > 0 else { return nil }
            clean += bytes[copied...]
            return String(decoding: clean, as: UTF8.self)
        }
    }
}

/// A credential in a text.
struct Secret: Equatable {
    let type: String
    /// The bytes that are to go. Between characters: patterns take ASCII, or run up to it.
    let range: Range<Int>
}
