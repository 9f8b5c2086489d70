extension SecretScan {
    /// Shortest part of a JSON Web Token, in base64url: `{"a":1}` has 10.
    private static let webTokenPartMin = 8

    /// A JSON Web Token (RFC 7519): three parts of base64url, the first two JSON objects.
    ///
    /// Only at the beginning of a run of base64url: each run is then walked over at most three times, as any of the
    /// three parts.
    func webToken(at start: Int) -> Secret? {
        guard has("eyJ", at: start), !isURLSafe(at(start - 1)) else { return nil }
        var index = start
        for part in 0..<3 {
            if part > 0 {
                guard at(index) == UInt8(ascii: ".") else { return nil }
                index += 1
            }
            if part == 1, !has("eyJ", at: index) { return nil }
            let end = end(from: index, isURLSafe)
            guard end - index >= SecretScan.webTokenPartMin else { return nil }
            index = end
        }
        return Secret(type: "jwt", range: start..<index)
    }

    /// A private key in PEM (RFC 7468), OpenPGP's and OpenSSH's too; to the end of its last line of base64 where its
    /// own end is missing.
    mutating func privateKey(at start: Int) -> Secret? {
        guard has("-----BEGIN ", at: start) else { return nil }
        let label = start + "-----BEGIN ".utf8.count
        // Longest label that is used: "PGP PRIVATE KEY BLOCK".
        let labelEnd = end(from: label, countMax: 40) { isUpper($0) || isDigit($0) || $0 == 0x20 }
        guard has("-----", at: labelEnd), contains("PRIVATE KEY", in: label..<labelEnd) else { return nil }
        let body = labelEnd + 5
        if let close = pemEnd(after: body) { return Secret(type: "private_key", range: start..<close) }
        return Secret(type: "private_key", range: start..<base64LinesEnd(from: body))
    }

    private func contains(_ text: StaticString, in range: Range<Int>) -> Bool {
        guard range.count >= text.utf8CodeUnitCount else { return false }
        return (range.lowerBound...(range.upperBound - text.utf8CodeUnitCount)).contains { has(text, at: $0) }
    }

    /// Behind the next `-----END ...-----`; nil where there is none. It is looked for once, however many keys begin.
    private mutating func pemEnd(after start: Int) -> Int? {
        var found = nextPEMEnd ?? start
        if nextPEMEnd == nil || found < start {
            found = max(found, start)
            while found < bytes.count, !has("-----END ", at: found) { found += 1 }
            nextPEMEnd = found
        }
        guard found < bytes.count else { return nil }
        let label = found + "-----END ".utf8.count
        let labelEnd = end(from: label, countMax: 40) { isUpper($0) || isDigit($0) || $0 == 0x20 }
        return has("-----", at: labelEnd) ? labelEnd + 5 : labelEnd
    }

    /// Behind the lines of 16 or more characters of base64 that follow.
    private func base64LinesEnd(from start: Int) -> Int {
        var last = start
        var index = start
        while index < bytes.count {
            // A line's end may be spelled, where a key was pasted from JSON.
            let isSpelled = has("\\n", at: index)
            if isSpelled || bytes[index] <= 0x20 {
                index += isSpelled ? 2 : 1
                continue
            }
            let lineEnd = end(from: index) {
                isAlphanumeric($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "=")
            }
            guard lineEnd - index >= 16 else { break }
            last = lineEnd
            index = lineEnd
        }
        return last
    }
}
