internal import Causality
internal import Cryptography
internal import Foundation
internal import Storage

/// An API key: `car_` + a visible prefix of 8 characters + `_` + a random 256-bit secret, all of it base64url text.
///
/// The prefix finds the key and names it in lists and logs; only a SHA-256 of the secret is stored. A secret of 256
/// random bits needs no slow hash: there is nothing to guess.
public struct APIKey: Sendable {
    public let prefix: String
    let secret: String

    /// A new key, from the system's randomness.
    public static func random() -> APIKey {
        APIKey(prefix: text(of: Secret.random(count: 6)), secret: text(of: Secret.random(count: 32)))
    }

    /// The key that `text` spells, or nil when it has not a key's form.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        // car_ + 8 + _ + 43. The parts may hold underscores themselves, so they are cut by length.
        guard bytes.count == 56, bytes.starts(with: "car_".utf8), bytes[12] == UInt8(ascii: "_") else { return nil }
        guard bytes.allSatisfy({ APIKey.isBase64URL($0) }) else { return nil }
        prefix = String(decoding: bytes[4..<12], as: UTF8.self)
        secret = String(decoding: bytes[13...], as: UTF8.self)
    }

    private init(prefix: String, secret: String) {
        self.prefix = prefix
        self.secret = secret
    }

    /// The whole key, to be shown to its holder once.
    public var text: String { "car_\(prefix)_\(secret)" }

    public var secretHash: [UInt8] { Digest.sha256(Array(secret.utf8)) }

    /// Whether this is the key that the record tells of, and it is not revoked. The comparison takes the same time
    /// wherever the two differ.
    func opens(_ record: APIKeyRecord) -> Bool {
        Secret.equal(secretHash, record.secretHash) && record.revokedAt == nil
    }

    private static func text(of bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    private static func isBase64URL(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
