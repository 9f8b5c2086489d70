/// Whose page asks: an origin of `http` or `https`, as a browser says it (RFC 6454 6.2).
struct Site: Equatable {
    let isTLS: Bool
    /// In small letters, an IPv6 address in brackets.
    let host: String
    let port: Int

    /// Nil for `null`, and for what is of another scheme or no origin.
    init?(_ origin: String) {
        let text = origin.lowercased()
        let (rest, isTLS): (Substring, Bool)
        if text.hasPrefix("http://") {
            (rest, isTLS) = (text.dropFirst(7), false)
        } else if text.hasPrefix("https://") {
            (rest, isTLS) = (text.dropFirst(8), true)
        } else {
            return nil
        }
        guard let place = Site.place(rest, portDefault: isTLS ? 443 : 80) else { return nil }
        self.isTLS = isTLS
        (host, port) = place
    }

    /// Whether the request's `Host` is this site. Who leaves the port out means that of the site's scheme.
    func isSame(as authority: String) -> Bool {
        guard let (host, port) = Site.place(authority.lowercased()[...], portDefault: isTLS ? 443 : 80) else {
            return false
        }
        return host == self.host && port == self.port
    }

    /// Whether the name can be nobody else's: `localhost` (RFC 6761 6.3), or an address.
    var isOfThisMachine: Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host.hasPrefix("[") || Site.isFour(host)
    }

    /// Whether an address is one that only this machine reaches.
    static func isLoopback(_ address: String) -> Bool {
        address == "::1" || address == "[::1]" || address.hasPrefix("127.") && isFour(address)
    }

    /// Four numbers: what a browser takes for an IPv4 address, and no name ends in a number.
    private static func isFour(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func place(_ text: Substring, portDefault: Int) -> (String, Int)? {
        var host = text
        var port = portDefault
        if let colon = text.lastIndex(of: ":"), text.lastIndex(of: "]").map({ $0 < colon }) ?? true {
            host = text[..<colon]
            let digits = text[text.index(after: colon)...]
            // RFC 3986 3.2.3: an empty port is the scheme's.
            if !digits.isEmpty {
                guard digits.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
                    let number = UInt16(digits)
                else { return nil }
                port = Int(number)
            }
        }
        if host.hasSuffix(".") { host = host.dropLast() }
        guard !host.isEmpty, !host.contains(where: { "/?#@\\, ".contains($0) }) else { return nil }
        return (String(host), port)
    }
}
