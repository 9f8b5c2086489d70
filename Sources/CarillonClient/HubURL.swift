internal import Foundation

/// Where a hub is: `http://host:port` or `https://host:port`; `ws://` and `wss://` say the same.
public struct HubURL: Hashable, Sendable, CustomStringConvertible {
    public static let portDefault: UInt16 = 8787
    public static let plainSchemes = ["http", "ws"]
    public static let secureSchemes = ["https", "wss"]
    /// Where a hub listens unless it is told otherwise.
    public static let standard = HubURL(host: "127.0.0.1", port: portDefault, isSecure: false)

    /// A name or an address; an IPv6 address without its brackets.
    public let host: String
    public let port: UInt16
    /// Whether TLS is spoken with it.
    public let isSecure: Bool

    init(host: String, port: UInt16, isSecure: Bool) {
        self.host = host
        self.port = port
        self.isSecure = isSecure
    }

    /// Reads `http://host[:port][/]`, `https://…`, `ws://…`, `wss://…`, or `host[:port]`, which is without TLS.
    public init(parsing text: String) throws(HubURLError) {
        var rest = text[...]
        var isSecure = false
        if let mark = text.range(of: "://") {
            let scheme = text[..<mark.lowerBound].lowercased()
            isSecure = HubURL.secureSchemes.contains(scheme)
            guard isSecure || HubURL.plainSchemes.contains(scheme) else { throw .unknownScheme(scheme) }
            rest = text[mark.upperBound...]
        }
        if rest.hasSuffix("/") { rest.removeLast() }
        guard !rest.contains("@") else { throw .hasCredentials }
        guard !rest.contains(where: { "/?#".contains($0) }) else { throw .hasPath }
        var portText: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw .badHost }
            let after = rest[rest.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw .badHost }
            portText = after.isEmpty ? nil : after.dropFirst()
            rest = rest[rest.index(after: rest.startIndex)..<end]
        } else if let colon = rest.firstIndex(of: ":") {
            portText = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        guard !rest.isEmpty, rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw .badHost }
        host = String(rest)
        self.isSecure = isSecure
        guard let portText else {
            port = HubURL.portDefault
            return
        }
        guard let number = UInt16(portText), number > 0 else { throw .badPort }
        port = number
    }

    /// RFC 9110 7.2: host and port, brackets around IPv6.
    public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    public var description: String { (isSecure ? "https://" : "http://") + authority }

    /// Whether what is sent there stays on this machine.
    public var isLoopback: Bool {
        host == "::1" || host.lowercased() == "localhost"
            || (host.hasPrefix("127.") && host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (48...57).contains($0) })
    }
}

/// Why a text is no ``HubURL``.
public enum HubURLError: Error, Hashable, Sendable {
    case unknownScheme(String)
    case hasCredentials
    case hasPath
    case badHost
    case badPort

    public var sentence: String {
        switch self {
        case .unknownScheme(let scheme): "\(scheme):// is not a hub's scheme: use https:// or http://"
        case .hasCredentials: "a key never goes into the URL: use --key or CARILLON_KEY"
        case .hasPath: "a hub's URL is http://host:port, without a path"
        case .badHost: "the host is missing or malformed: use http://host:port"
        case .badPort: "the port is a number from 1 to 65535"
        }
    }
}
