/// A vendor's key that its first letters tell.
struct TokenPattern: Sendable {
    enum Alphabet: Sendable {
        case hexadecimal
        case upperAlphanumeric
        case alphanumeric
        case urlSafe
        /// With points: a key of several parts.
        case dotted
    }

    let type: String
    let prefix: StaticString
    let alphabet: Alphabet
    /// Bytes behind the prefix. With `isExact` no more and no fewer.
    let count: Int
    var isExact = false
    /// Whether a digit or a capital must be among the first ``decidingCount`` bytes: words go on behind such a prefix.
    var isMixed = false

    /// How far a pattern looks before it decides: long enough for every `count` here.
    static let decidingCount = 128

    static let all: [TokenPattern] = [
        TokenPattern(type: "aws_access_key", prefix: "AKIA", alphabet: .upperAlphanumeric, count: 16, isExact: true),
        TokenPattern(type: "aws_access_key", prefix: "ASIA", alphabet: .upperAlphanumeric, count: 16, isExact: true),
        TokenPattern(type: "github_token", prefix: "ghp_", alphabet: .alphanumeric, count: 36),
        TokenPattern(type: "github_token", prefix: "gho_", alphabet: .alphanumeric, count: 36),
        TokenPattern(type: "github_token", prefix: "ghu_", alphabet: .alphanumeric, count: 36),
        TokenPattern(type: "github_token", prefix: "ghs_", alphabet: .alphanumeric, count: 36),
        TokenPattern(type: "github_token", prefix: "ghr_", alphabet: .alphanumeric, count: 36),
        TokenPattern(type: "github_token", prefix: "github_pat_", alphabet: .urlSafe, count: 22, isMixed: true),
        TokenPattern(type: "gitlab_token", prefix: "glpat-", alphabet: .urlSafe, count: 20),
        TokenPattern(type: "slack_token", prefix: "xoxb-", alphabet: .urlSafe, count: 10, isMixed: true),
        TokenPattern(type: "slack_token", prefix: "xoxp-", alphabet: .urlSafe, count: 10, isMixed: true),
        TokenPattern(type: "slack_token", prefix: "xoxa-", alphabet: .urlSafe, count: 10, isMixed: true),
        TokenPattern(type: "slack_token", prefix: "xoxr-", alphabet: .urlSafe, count: 10, isMixed: true),
        TokenPattern(type: "slack_token", prefix: "xoxs-", alphabet: .urlSafe, count: 10, isMixed: true),
        TokenPattern(type: "slack_token", prefix: "xoxe-", alphabet: .urlSafe, count: 10, isMixed: true),
        TokenPattern(type: "slack_token", prefix: "xoxe.", alphabet: .urlSafe, count: 10, isMixed: true),
        TokenPattern(type: "slack_token", prefix: "xapp-", alphabet: .urlSafe, count: 20, isMixed: true),
        TokenPattern(type: "stripe_key", prefix: "sk_live_", alphabet: .alphanumeric, count: 16),
        TokenPattern(type: "stripe_key", prefix: "sk_test_", alphabet: .alphanumeric, count: 16),
        TokenPattern(type: "stripe_key", prefix: "rk_live_", alphabet: .alphanumeric, count: 16),
        TokenPattern(type: "stripe_key", prefix: "rk_test_", alphabet: .alphanumeric, count: 16),
        TokenPattern(type: "stripe_key", prefix: "whsec_", alphabet: .alphanumeric, count: 32),
        TokenPattern(type: "anthropic_key", prefix: "sk-ant-", alphabet: .urlSafe, count: 20),
        TokenPattern(type: "openai_key", prefix: "sk-proj-", alphabet: .urlSafe, count: 20, isMixed: true),
        TokenPattern(type: "openai_key", prefix: "sk-svcacct-", alphabet: .urlSafe, count: 20, isMixed: true),
        TokenPattern(type: "openai_key", prefix: "sk-admin-", alphabet: .urlSafe, count: 20, isMixed: true),
        TokenPattern(type: "openrouter_key", prefix: "sk-or-v1-", alphabet: .hexadecimal, count: 32),
        TokenPattern(type: "openai_key", prefix: "sk-", alphabet: .alphanumeric, count: 20, isMixed: true),
        TokenPattern(type: "google_api_key", prefix: "AIza", alphabet: .urlSafe, count: 35, isExact: true),
        TokenPattern(type: "google_oauth", prefix: "GOCSPX-", alphabet: .urlSafe, count: 28),
        TokenPattern(type: "google_oauth", prefix: "ya29.", alphabet: .urlSafe, count: 20, isMixed: true),
        TokenPattern(type: "npm_token", prefix: "npm_", alphabet: .alphanumeric, count: 36),
        TokenPattern(type: "pypi_token", prefix: "pypi-", alphabet: .urlSafe, count: 50, isMixed: true),
        TokenPattern(type: "huggingface_token", prefix: "hf_", alphabet: .alphanumeric, count: 30),
        TokenPattern(type: "sendgrid_key", prefix: "SG.", alphabet: .dotted, count: 60, isMixed: true),
        TokenPattern(type: "digitalocean_token", prefix: "dop_v1_", alphabet: .hexadecimal, count: 64),
        TokenPattern(type: "carillon_key", prefix: "car_", alphabet: .urlSafe, count: 52, isMixed: true),
    ]
}

extension TokenPattern.Alphabet {
    func contains(_ byte: UInt8) -> Bool {
        switch self {
        case .hexadecimal: isDigit(byte) || (byte | 0x20) &- 0x61 < 6
        case .upperAlphanumeric: isDigit(byte) || isUpper(byte)
        case .alphanumeric: isAlphanumeric(byte)
        case .urlSafe: isURLSafe(byte)
        case .dotted: isURLSafe(byte) || byte == UInt8(ascii: ".")
        }
    }
}

extension SecretScan {
    /// A vendor's key that begins at `start`; no letter or digit stands before it.
    func token(at start: Int) -> Secret? {
        for pattern in TokenPattern.all where has(pattern.prefix, at: start) {
            let first = start + pattern.prefix.utf8CodeUnitCount
            let decided = end(from: first, countMax: TokenPattern.decidingCount, pattern.alphabet.contains)
            guard decided - first >= pattern.count else { continue }
            if pattern.isExact, decided - first > pattern.count || isAlphanumeric(at(decided)) { continue }
            if pattern.isMixed, !bytes[first..<decided].contains(where: { isDigit($0) || isUpper($0) }) { continue }
            return Secret(type: pattern.type, range: start..<end(from: decided, pattern.alphabet.contains))
        }
        return nil
    }
}
