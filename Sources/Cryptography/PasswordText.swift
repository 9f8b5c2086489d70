internal import COpenSSL

/// A password's hash in PHC form, taken apart.
struct PasswordText {
    let cost: PasswordHash.Cost
    let salt: [UInt8]
    let hash: [UInt8]

    init(cost: PasswordHash.Cost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    var text: String {
        let head =
            switch cost {
            case .argon2id(let memory, let passes, let lanes): "$argon2id$v=19$m=\(memory),t=\(passes),p=\(lanes)"
            case .scrypt(let logN, let blocks, let lanes): "$scrypt$ln=\(logN),r=\(blocks),p=\(lanes)"
            }
        return "\(head)$\(PasswordText.base64(salt))$\(PasswordText.base64(hash))"
    }

    /// Nil where it is no such text, or asks for what is not borne.
    init?(_ text: String) {
        guard text.utf8.count <= 256 else { return nil }
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        let numbers: [Substring]
        switch (parts.count, parts.dropFirst().first) {
        case (6, "argon2id"):
            guard parts[2] == "v=19" else { return nil }
            numbers = parts[3].split(separator: ",", omittingEmptySubsequences: false)
            guard let values = PasswordText.values(numbers, ["m", "t", "p"]) else { return nil }
            cost = .argon2id(memoryKiB: values[0], passes: values[1], lanes: values[2])
        case (5, "scrypt"):
            numbers = parts[2].split(separator: ",", omittingEmptySubsequences: false)
            guard let values = PasswordText.values(numbers, ["ln", "r", "p"]) else { return nil }
            cost = .scrypt(logN: values[0], blocks: values[1], lanes: values[2])
        default: return nil
        }
        guard parts[0].isEmpty, cost.isBearable,
            let salt = PasswordText.bytes(base64: parts[parts.count - 2]), (8...64).contains(salt.count),
            let hash = PasswordText.bytes(base64: parts[parts.count - 1]), (16...64).contains(hash.count)
        else { return nil }
        (self.salt, self.hash) = (salt, hash)
    }

    /// `m=1`, `t=2` and so on, each name in its place.
    private static func values(_ fields: [Substring], _ names: [String]) -> [UInt32]? {
        guard fields.count == names.count else { return nil }
        var values: [UInt32] = []
        for (field, name) in zip(fields, names) {
            guard field.hasPrefix(name + "="), let value = UInt32(field.dropFirst(name.utf8.count + 1)),
                "\(name)=\(value)" == field
            else { return nil }
            values.append(value)
        }
        return values
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        // The library ends its text with a zero.
        var coded = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let count = Int(EVP_EncodeBlock(&coded, bytes, Int32(clamping: bytes.count)))
        return String(decoding: coded.prefix(count).filter { $0 != UInt8(ascii: "=") }, as: UTF8.self)
    }

    /// At most 86 characters, as their reader has seen to.
    private static func bytes(base64 text: Substring) -> [UInt8]? {
        let padding = (4 - text.utf8.count % 4) % 4
        let coded = Array(text.utf8) + Array(repeating: UInt8(ascii: "="), count: padding)
        guard padding < 3, !coded.isEmpty else { return nil }
        var bytes = [UInt8](repeating: 0, count: coded.count / 4 * 3)
        let count = Int(EVP_DecodeBlock(&bytes, coded, Int32(clamping: coded.count)))
        guard count == bytes.count else { return nil }
        let decoded = Array(bytes.dropLast(padding))
        // The library reads around white space and other forms of the same bytes.
        return base64(decoded) == text ? decoded : nil
    }
}
