public import HTTPTypes

/// What a request says before its body.
public struct RequestHead: Sendable {
    /// Method, authority, target and fields. `authority` is that of an absolute target, else Host (RFC 9112 3.3).
    public var request: HTTPRequest
    /// The path as sent, without the query; not decoded, so a "%2F" stays apart from a "/". "*" for `OPTIONS *`.
    public var path: String
    /// The query as sent, without "?"; nil when there is no "?".
    public var query: String?
    /// Whether the connection outlives this request (RFC 9112 9.3).
    public var keepAlive: Bool
    /// Whether the peer speaks HTTP/1.0: it knows neither chunks nor 100 (RFC 9112 6.1, RFC 9110 15.2).
    public var isHTTP10: Bool

    /// The value of a field, its lines joined by ", "; nil when absent.
    public func field(_ name: HTTPField.Name) -> String? { request.headerFields[name] }

    /// The members of a comma-separated field over all its lines (RFC 9110 5.6.1).
    public func list(_ name: HTTPField.Name) -> [String] { request.headerFields.list(name).map(String.init) }

    /// The query as pairs, percent-decoded. "+" stays "+" (that is HTML's rule for forms, not RFC 3986's). A broken
    /// escape stays as it is; a name without "=" has an empty value.
    public var queryItems: [(name: String, value: String)] {
        guard let query else { return [] }
        return query.split(separator: "&").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (PercentEncoding.decode(parts[0]), parts.count > 1 ? PercentEncoding.decode(parts[1]) : "")
        }
    }

    /// The first value of a query item; nil when absent.
    public func queryValue(_ name: String) -> String? { queryItems.first { $0.name == name }?.value }
}

/// RFC 3986 2.1.
enum PercentEncoding {
    static func decode(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = Octet.hexValue(bytes[index + 1]),
                let low = Octet.hexValue(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}
