internal import COpenSSL

/// The text form of a pinned public key: `sha256/` and 44 characters of base64, as curl and others write it.
public enum CertificatePin {
    private static let scheme = "sha256/"
    private static let hashBytes = 32

    public static func text(of hash: [UInt8]) -> String {
        // The library ends its text with a zero.
        var coded = [UInt8](repeating: 0, count: (hash.count + 2) / 3 * 4 + 1)
        let count = EVP_EncodeBlock(&coded, hash, Int32(clamping: hash.count))
        return scheme + String(decoding: coded.prefix(Int(max(0, count))), as: UTF8.self)
    }

    /// The hash; nil where the text is none.
    public static func hash(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: "/", maxSplits: 1)
        // curl has two slashes.
        guard parts.count == 2, parts[0] == "sha256" else { return nil }
        let coded = Array((parts[1].hasPrefix("/") && parts[1].utf8.count == 45 ? parts[1].dropFirst() : parts[1]).utf8)
        guard coded.count == 44, coded.last == UInt8(ascii: "=") else { return nil }
        var bytes = [UInt8](repeating: 0, count: 33)
        guard EVP_DecodeBlock(&bytes, coded, 44) == 33 else { return nil }
        let hash = Array(bytes.prefix(hashBytes))
        // The library reads around white space and other forms of the same bytes.
        return Array(CertificatePin.text(of: hash).utf8.dropFirst(scheme.utf8.count)) == coded ? hash : nil
    }
}
