/// Walks over a text and stops at each credential.
struct SecretScan {
    let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    /// The next `-----END` behind a private key's beginning, as it was last looked for; the text's end where none is.
    var nextPEMEnd: Int?
    private let begins: [Bool]

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        begins = SecretScan.beginnings
    }

    /// Bytes with which a pattern begins.
    private static let beginnings: [Bool] = {
        var begins = [Bool](repeating: false, count: 256)
        let others = "eE-:bBpPsSaAcCrR"
        for byte in TokenPattern.all.map({ $0.prefix.utf8Start[0] }) + Array(others.utf8) { begins[Int(byte)] = true }
        return begins
    }()

    /// The next credential; nil: there is none any more.
    mutating func next() -> Secret? {
        while position < bytes.count {
            if begins[Int(bytes[position])], let secret = secret(at: position) {
                position = secret.range.upperBound
                return secret
            }
            position += 1
        }
        return nil
    }

    private mutating func secret(at start: Int) -> Secret? {
        switch bytes[start] {
        case UInt8(ascii: "-"): return privateKey(at: start)
        case UInt8(ascii: ":"): return urlPassword(at: start)
        default: break
        }
        if !isAlphanumeric(at(start - 1)) {
            if let token = token(at: start) ?? webToken(at: start) ?? authorization(at: start) { return token }
        }
        return assignment(at: start)
    }

    // MARK: Bytes

    /// 0 outside of the text.
    func at(_ index: Int) -> UInt8 {
        index >= 0 && index < bytes.count ? bytes[index] : 0
    }

    func has(_ text: StaticString, at start: Int) -> Bool {
        guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
        for index in 0..<text.utf8CodeUnitCount where bytes[start + index] != text.utf8Start[index] { return false }
        return true
    }

    /// As ``has(_:at:)`` for either case. - Parameter text: in lower case.
    func hasWord(_ text: StaticString, at start: Int) -> Bool {
        guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
        for index in 0..<text.utf8CodeUnitCount where lower(bytes[start + index]) != text.utf8Start[index] {
            return false
        }
        return true
    }

    /// Where the bytes that `isMember` takes end.
    func end(from start: Int, countMax: Int = .max, _ isMember: (UInt8) -> Bool) -> Int {
        var index = start
        let last = countMax < bytes.count - start ? start + countMax : bytes.count
        while index < last, isMember(bytes[index]) { index += 1 }
        return index
    }

    func lower(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    }
}

func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

func isUpper(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }

func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }

/// base64url, and what most vendors' keys are made of.
func isURLSafe(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
}

func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
