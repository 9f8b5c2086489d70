/// `password=hunter2`, `"api_key": "..."`, `AWS_SECRET_ACCESS_KEY = ...`: a name that tells what its value is.
extension SecretScan {
    private struct Name: Sendable {
        /// In lower case; `_` stands for `_`, `-` or nothing.
        let text: StaticString
        let type: String
        /// Whether the name may be the end of a longer one without a mark between: `PGPASSWORD`, `dbPassword`.
        var endsWords = false
    }

    private static let names: [Name] = [
        Name(text: "password", type: "password", endsWords: true),
        Name(text: "passwd", type: "password", endsWords: true),
        Name(text: "passphrase", type: "password", endsWords: true),
        Name(text: "pwd", type: "password"),
        Name(text: "secret_access_key", type: "aws_secret_key"),
        Name(text: "secret_key", type: "secret"), Name(text: "api_key", type: "secret"),
        Name(text: "api_secret", type: "secret"), Name(text: "app_secret", type: "secret"),
        Name(text: "auth_token", type: "secret"), Name(text: "access_token", type: "secret"),
        Name(text: "account_key", type: "secret"), Name(text: "client_secret", type: "secret"),
        Name(text: "refresh_token", type: "secret"),
    ]

    /// Bytes of a value that decide whether it is one.
    private static let decidingCount = 64

    func assignment(at start: Int) -> Secret? {
        for name in SecretScan.names {
            guard let end = end(of: name, at: start) else { continue }
            return value(after: end, type: name.type)
        }
        return nil
    }

    private func end(of name: Name, at start: Int) -> Int? {
        guard lower(bytes[start]) == name.text.utf8Start[0] else { return nil }
        if !name.endsWords, isAlphanumeric(at(start - 1)), !isCamelHump(start) { return nil }
        var index = start
        for offset in 0..<name.text.utf8CodeUnitCount {
            let wanted = name.text.utf8Start[offset]
            if wanted == UInt8(ascii: "_") {
                if at(index) == UInt8(ascii: "_") || at(index) == UInt8(ascii: "-") { index += 1 }
            } else {
                guard lower(at(index)) == wanted else { return nil }
                index += 1
            }
        }
        return index
    }

    /// `awsSecretAccessKey`: a capital after a small letter begins a word.
    private func isCamelHump(_ index: Int) -> Bool { isUpper(bytes[index]) && !isUpper(at(index - 1)) }

    private func value(after nameEnd: Int, type: String) -> Secret? {
        var index = nameEnd
        if at(index) == 0x22 || at(index) == 0x27 { index += 1 }
        let mark = end(from: index, countMax: SecretScan.blanksMax, isBlank)
        // `==` compares, `:=` and `=>` assign, `::` qualifies.
        var first = mark + 1
        switch at(mark) {
        case UInt8(ascii: "="):
            guard at(first) != UInt8(ascii: "=") else { return nil }
            if at(first) == UInt8(ascii: ">") { first += 1 }
        case UInt8(ascii: ":"):
            guard at(first) != UInt8(ascii: ":"), at(first) != UInt8(ascii: "/") else { return nil }
            if at(first) == UInt8(ascii: "=") { first += 1 }
        default: return nil
        }
        let isTight = at(mark) == UInt8(ascii: "=") && mark == nameEnd && !isBlank(at(first))
        first = end(from: first, countMax: SecretScan.blanksMax, isBlank)
        let quote = at(first)
        if quote == 0x22 || quote == 0x27 || quote == UInt8(ascii: "`") {
            return quoted(from: first + 1, quote, type: type)
        }
        if let token = token(at: first) ?? webToken(at: first) { return token }
        let decided = end(from: first, countMax: SecretScan.decidingCount, isBare)
        let value = first..<decided
        guard !isPlaceholder(value), !isCode(value), at(decided) != UInt8(ascii: "(") else { return nil }
        if type == "password" {
            guard isTight ? value.count >= 3 : value.count >= 6 && isUnlikeWords(value) else { return nil }
            // The folder that a shell is in.
            if type == "password", at(first) == UInt8(ascii: "/") || at(first) == UInt8(ascii: "~") { return nil }
        } else {
            guard value.count >= 12, bytes[value].contains(where: isDigit) else { return nil }
        }
        return Secret(type: type, range: first..<end(from: decided, isBare))
    }

    private func quoted(from start: Int, _ quote: UInt8, type: String) -> Secret? {
        if let token = token(at: start) ?? webToken(at: start) { return token }
        let end = end(from: start, countMax: SecretScan.decidingCount * 4) { $0 != quote && $0 >= 0x20 }
        let value = start..<end
        guard at(end) == quote, value.count >= 4, !isPlaceholder(value) else { return nil }
        if type == "password" {
            // A sentence is a label: "Enter your password".
            guard !bytes[value].contains(0x20) else { return nil }
        } else {
            guard value.count >= 12, bytes[value].contains(where: isDigit), !bytes[value].contains(0x20) else {
                return nil
            }
        }
        return Secret(type: type, range: value)
    }

    /// What a value without quotes is made of.
    private func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x20, 0x7f, 0x22, 0x27, UInt8(ascii: "`"), UInt8(ascii: ","), UInt8(ascii: ";"),
            UInt8(ascii: "&"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "]"), UInt8(ascii: "}"):
            false
        default: true
        }
    }

    /// What stands where a credential will be, or was.
    func isPlaceholder(_ range: Range<Int>) -> Bool {
        switch at(range.lowerBound) {
        case UInt8(ascii: "$"), UInt8(ascii: "<"), UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "*"),
            UInt8(ascii: "["):
            return true
        default: break
        }
        guard range.count <= 16 else { return false }
        let text = String(decoding: bytes[range].map(lower), as: UTF8.self)
        return SecretScan.placeholders.contains(text)
    }

    private static let placeholders: Set<String> = [
        "", "...", "xxx", "xxxx", "xxxxxx", "xxxxxxxx", "string", "text", "required", "optional", "null", "none", "nil",
        "true", "false", "undefined", "password", "passwd", "secret", "hidden", "yes", "no", "str", "bytes", "varchar",
        "redacted",
    ]

    /// `config.password`, `self.secret`: a name, and no value.
    private func isCode(_ range: Range<Int>) -> Bool {
        guard let point = bytes[range].firstIndex(of: UInt8(ascii: ".")), point > range.lowerBound,
            isLetter(at(point + 1)) || at(point + 1) == UInt8(ascii: "_")
        else { return false }
        return bytes[range].allSatisfy { isLetter($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") }
    }

    /// A digit, a sign or a capital behind a small letter, or more letters than words have.
    private func isUnlikeWords(_ range: Range<Int>) -> Bool {
        var isLetters = true
        for index in range {
            let byte = bytes[index]
            if isDigit(byte) { return true }
            if isUpper(byte), index > range.lowerBound, !isUpper(bytes[index - 1]), isLetter(bytes[index - 1]) {
                return true
            }
            switch byte {
            case UInt8(ascii: "!"), UInt8(ascii: "@"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"),
                UInt8(ascii: "^"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: "~"):
                if index < range.upperBound - 1 { return true }
            default: break
            }
            if !isLetter(byte) { isLetters = false }
        }
        return isLetters && range.count >= 20
    }
}
