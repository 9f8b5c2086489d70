extension SecretScan {
    /// What stands behind `Bearer` (RFC 6750 2.1), and behind `Authorization: Basic` (RFC 7617 2).
    func authorization(at start: Int) -> Secret? {
        if hasWord("bearer", at: start) {
            let first = end(from: start + 6, countMax: SecretScan.blanksMax, isBlank)
            guard first > start + 6 else { return nil }
            if let token = token(at: first) ?? webToken(at: first) { return token }
            return credential(from: first, countMin: 16, type: "bearer_token")
        }
        guard hasWord("authorization", at: start) else { return nil }
        var index = start + 13
        if at(index) == UInt8(ascii: "\"") || at(index) == UInt8(ascii: "'") { index += 1 }
        guard at(index) == UInt8(ascii: ":") else { return nil }
        index = end(from: index + 1, countMax: SecretScan.blanksMax) { isBlank($0) || $0 == 0x22 || $0 == 0x27 }
        guard hasWord("basic", at: index) else { return nil }
        let first = end(from: index + 5, countMax: SecretScan.blanksMax, isBlank)
        guard first > index + 5 else { return nil }
        return credential(from: first, countMin: 6, type: "basic_auth")
    }

    /// Spaces that may stand between a name and its value.
    static let blanksMax = 8

    /// A run of token68 (RFC 9110 11.2) with a digit or a capital in it: "Bearer of bad news" has none.
    private func credential(from start: Int, countMin: Int, type: String) -> Secret? {
        func isMember(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): true
            default: isURLSafe(byte)
            }
        }
        let decided = end(from: start, countMax: TokenPattern.decidingCount, isMember)
        guard decided - start >= countMin,
            bytes[start..<decided].contains(where: { isDigit($0) || isUpper($0) })
        else { return nil }
        return Secret(type: type, range: start..<end(from: decided, isMember))
    }

    /// Longest `user:password@` of a URL.
    private static let userInfoBytesMax = 256

    /// The password in `scheme://user:password@host` (RFC 3986 3.2.1). What is left says what it was.
    func urlPassword(at start: Int) -> Secret? {
        guard has("://", at: start), isAlphanumeric(at(start - 1)) else { return nil }
        let first = start + 3
        // Ends at a slash, so that the next URL is never a part of this one.
        let last = end(from: first, countMax: SecretScan.userInfoBytesMax) {
            $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") && $0 != 0x22
                && $0 != 0x27 && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "`")
        }
        // A password may hold an `@` that should have been escaped.
        guard let mark = bytes[first..<last].lastIndex(of: UInt8(ascii: "@")),
            let colon = bytes[first..<mark].firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        let password = (colon + 1)..<mark
        guard !password.isEmpty, !isPlaceholder(password) else { return nil }
        return Secret(type: "url_password", range: password)
    }
}
