internal import Foundation

/// What may be shown of how a Postgres is reached.
enum PostgresURL {
    /// `text` without its password and without its parameters, of which one may be a password too.
    static func shown(_ text: String) -> String {
        guard let mark = text.range(of: "://") else {
            // Key=value text, a URL that is written wrong, or none of both: it may hold a password anywhere.
            return text.contains("=") || text.contains("@") ? "…" : text
        }
        let rest = text[mark.upperBound...]
        let plain = rest.prefix { $0 != "?" && $0 != "#" }
        guard let at = plain.lastIndex(of: "@") else { return "\(text[..<mark.upperBound])\(plain)" }
        // Alone before a bus's address, it is no name but a token.
        let isName = plain[..<at].contains(":") || text.hasPrefix("postgres")
        let user = isName ? plain[..<at].prefix { $0 != ":" } : "…"
        return "\(text[..<mark.upperBound])\(user)\(plain[at...])"
    }

    /// `message` without the password of `text`, as it stands there or decoded, and without the parameters.
    static func clean(_ message: String, of text: String) -> String {
        guard !text.isEmpty else { return message }
        var clean = message.replacing(text, with: shown(text))
        for secret in secrets(of: text) {
            for form in [secret, secret.removingPercentEncoding ?? secret] where !form.isEmpty {
                clean = clean.replacing(form, with: "…")
            }
        }
        return clean
    }

    private static func secrets(of text: String) -> [String] {
        guard let mark = text.range(of: "://") else { return [] }
        let rest = text[mark.upperBound...]
        var secrets: [String] = []
        let plain = rest.prefix { $0 != "?" && $0 != "#" }
        if let at = plain.lastIndex(of: "@"), let colon = plain[..<at].firstIndex(of: ":") {
            secrets.append(String(plain[plain.index(after: colon)..<at]))
        }
        for parameter in rest.dropFirst(plain.count).split(whereSeparator: { "?&#".contains($0) }) {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased().hasSuffix("password") { secrets.append(String(parts[1])) }
        }
        return secrets
    }
}
