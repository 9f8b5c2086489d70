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
}
