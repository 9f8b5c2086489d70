/// Hashes of passwords, as text in PHC form:
///
///     $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH
///     $scrypt$ln=15,r=8,p=1$SALT$HASH
///
/// Salt and hash are base64 without padding. Argon2id (RFC 9106) where OpenSSL has it, from 3.2 on; scrypt (RFC 7914)
/// else. Each costs some 20 to 32 MiB and tens of milliseconds: whoever calls bounds how many run at once.
public enum PasswordHash {
    /// What one hash costs.
    enum Cost: Equatable {
        case argon2id(memoryKiB: UInt32, passes: UInt32, lanes: UInt32)
        case scrypt(logN: UInt32, blocks: UInt32, lanes: UInt32)

        /// The smallest that OWASP's Password Storage Cheat Sheet gives for Argon2id, and N = 2^15 for scrypt.
        static let argon2id = Cost.argon2id(memoryKiB: 19_456, passes: 2, lanes: 1)
        static let scrypt = Cost.scrypt(logN: 15, blocks: 8, lanes: 1)

        /// What a stored text may ask for, so that none exhausts the memory or runs for minutes: 128 MiB, and some 20
        /// times the work of a hash of ours.
        var isBearable: Bool {
            switch self {
            case .argon2id(let memory, let passes, let lanes):
                (1...4).contains(lanes) && (8 * lanes...131_072).contains(memory) && (1...10).contains(passes)
            case .scrypt(let logN, let blocks, let lanes):
                (10...17).contains(logN) && (1...8).contains(blocks) && (1...4).contains(lanes)
            }
        }
    }

    /// What a look at a stored hash says.
    public enum Verdict: Sendable {
        case matches
        case differs
        /// It is no text of a form that is known, asks for more than is borne, or the library has not what it needs.
        case unreadable
    }

    /// Bytes of a password. 8: NIST SP 800-63B 5.1.1.2; longer than 1 KiB is none that anybody types.
    public static let passwordBytes = 8...1_024
    static let saltBytes = 16
    static let hashBytes = 32

    /// The hash of a password under a new salt. Traps when the library has no memory for it.
    public static func text(of password: [UInt8]) -> String {
        let cost = hasArgon2id ? Cost.argon2id : .scrypt
        let salt = Secret.random(count: saltBytes)
        guard let hash = derive(password, salt, cost, count: hashBytes) else {
            preconditionFailure("OpenSSL derives no key of a password")
        }
        return PasswordText(cost: cost, salt: salt, hash: hash).text
    }

    /// Whether the password is the one of which `stored` is the hash. The comparison takes the same time wherever the
    /// two differ.
    public static func check(_ password: [UInt8], _ stored: String) -> Verdict {
        guard let parts = PasswordText(stored),
            let hash = derive(password, parts.salt, parts.cost, count: parts.hash.count)
        else { return .unreadable }
        return Secret.equal(hash, parts.hash) ? .matches : .differs
    }

    /// The hash of no password: checking any against it costs what checking a stored one does.
    public static let unmatched = PasswordText(
        cost: hasArgon2id ? .argon2id : .scrypt, salt: Secret.random(count: saltBytes),
        hash: Secret.random(count: hashBytes)
    ).text
}
