/// The last door: no message should hold a secret, and where one does, it does not get out.
extension LineText {
    /// `text` with the secrets of API keys, the passwords of URLs and those of connection strings replaced by `…`.
    public static func withoutSecrets(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var clean: [UInt8] = []
        clean.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let end = keySecret(bytes, at: index) {
                // Its prefix names a key in lists, too.
                clean += bytes[index..<index + 13] + hidden
                index = end
            } else if let (user, end) = credentials(bytes, at: index) {
                clean += bytes[index..<user] + hidden
                index = end
            } else if let (value, end) = parameter(bytes, at: index) {
                clean += bytes[index..<value] + hidden
                index = end
            } else {
                clean.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: clean, as: UTF8.self)
    }

    private static let hidden = Array("…".utf8)

    /// `car_` + 8 + `_` + the secret: its end. A secret that was cut off is one, too, while it is worth guessing.
    private static func keySecret(_ bytes: [UInt8], at index: Int) -> Int? {
        guard bytes.count - index >= 13 + 16, starts(bytes, "car_", at: index),
            bytes[index + 12] == UInt8(ascii: "_")
        else { return nil }
        var end = index + 4
        while end < bytes.count, isKeyCharacter(bytes[end]) { end += 1 }
        return end - index >= 13 + 16 ? end : nil
    }

    /// `://user:password@`: where the password begins, or a token that stands alone, and where it ends.
    private static func credentials(_ bytes: [UInt8], at index: Int) -> (Int, Int)? {
        guard starts(bytes, "://", at: index) else { return nil }
        var end = index + 3
        var at: Int?
        while end < bytes.count, !isSpaceOrQuote(bytes[end]) {
            if bytes[end] == UInt8(ascii: "@") { at = end }
            end += 1
        }
        guard let at else { return nil }
        let colon = bytes[index + 3..<at].firstIndex(of: UInt8(ascii: ":"))
        if let colon { return (colon + 1, at) }
        // `nats://token@`; of the others it is a name.
        let isBus = index >= 4 && Array(bytes[index - 4..<index]) == Array("nats".utf8) || isTLSScheme(bytes, index)
        return isBus ? (index + 3, at) : nil
    }

    private static func isTLSScheme(_ bytes: [UInt8], _ index: Int) -> Bool {
        guard index >= 3, Array(bytes[index - 3..<index]) == Array("tls".utf8) else { return false }
        return index == 3 || !isKeyCharacter(bytes[index - 4])
    }

    /// `password=` and names that end in it: where its value begins and ends.
    private static func parameter(_ bytes: [UInt8], at index: Int) -> (Int, Int)? {
        for name in ["password=", "passwd=", "api_key=", "access_token="]
        where starts(bytes, name, at: index) {
            let value = index + name.utf8.count
            guard value < bytes.count else { return nil }
            // libpq's own form: 'with spaces'.
            let isQuoted = bytes[value] == UInt8(ascii: "'")
            var end = value + (isQuoted ? 1 : 0)
            while end < bytes.count, isQuoted ? bytes[end] != UInt8(ascii: "'") : !isEndOfValue(bytes[end]) { end += 1 }
            return end > value ? (value, end) : nil
        }
        return nil
    }

    private static func isEndOfValue(_ octet: UInt8) -> Bool {
        isSpaceOrQuote(octet) || octet == UInt8(ascii: "&") || octet == UInt8(ascii: "#")
    }

    private static func isSpaceOrQuote(_ octet: UInt8) -> Bool {
        octet <= 0x20 || octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "'")
    }

    private static func starts(_ bytes: [UInt8], _ text: String, at index: Int) -> Bool {
        bytes[index...].starts(with: text.utf8)
    }

    private static func isKeyCharacter(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
