internal import HTTPTypes

extension RequestHead {
    /// - Parameter head: from the request line to the empty line, as `HeadCollector` found it.
    init(parsing head: UnsafeRawBufferPointer, limits: HTTPLimits) throws(HTTPError) {
        var lines = HeadLines(head)
        let line = try RequestLine(lines.next())
        let fields = try lines.fields(limits: limits)
        let host = try Self.host(in: fields, isHTTP10: line.isHTTP10)
        let target = try RequestTarget(line.target, method: line.method)
        request = HTTPRequest(
            method: line.method, scheme: nil, authority: target.authority ?? host, path: line.target,
            headerFields: fields)
        path = target.path
        query = target.query
        isHTTP10 = line.isHTTP10
        keepAlive = fields.keepsAlive(isHTTP10: line.isHTTP10)
    }

    /// RFC 9112 3.2: an HTTP/1.1 request has one Host; none of any version has two.
    private static func host(in fields: HTTPFields, isHTTP10: Bool) throws(HTTPError) -> String? {
        let hosts = fields[values: .hostName]
        guard hosts.count <= 1 else { throw .hostRepeated }
        guard let host = hosts.first else {
            if isHTTP10 { return nil }
            throw .hostMissing
        }
        guard host.utf8.allSatisfy(RequestTarget.isAuthority) else { throw .hostInvalid }
        return host
    }
}

extension HTTPFields {
    /// RFC 9112 9.3: "close" ends it, HTTP/1.1 keeps it, HTTP/1.0 keeps it only when asked to.
    func keepsAlive(isHTTP10: Bool) -> Bool {
        if list(.connection, names: "close") { return false }
        return !isHTTP10 || list(.connection, names: "keep-alive")
    }
}

extension HTTPField.Name {
    /// Host, as a field of its own; HTTPTypes knows it as `authority` only.
    static var hostName: Self {
        guard let name = Self("Host") else { preconditionFailure("Host is a token") }
        return name
    }
}

/// `method SP request-target SP HTTP-version` (RFC 9112 3).
struct RequestLine {
    let method: HTTPRequest.Method
    let target: String
    let isHTTP10: Bool

    init(_ line: UnsafeRawBufferPointer) throws(HTTPError) {
        // RFC 9112 3 lets a server split at any white space; we differ: one SP and nothing else.
        let parts = line.split(separator: Octet.space, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .requestLineInvalid }
        guard let method = HTTPRequest.Method(String(decoding: parts[0], as: UTF8.self)) else {
            throw .requestLineInvalid
        }
        // RFC 9112 3.2: visible ASCII only; a fragment is never sent (RFC 9110 7.1).
        guard !parts[1].isEmpty, parts[1].allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            throw .targetInvalid
        }
        guard let isHTTP10 = try HTTPVersion.isHTTP10(parts[2]) else { throw .requestLineInvalid }
        // RFC 9110 9.1: a method we do not implement at all is 501.
        if method == .connect { throw .methodUnsupported }
        self.method = method
        self.target = String(decoding: parts[1], as: UTF8.self)
        self.isHTTP10 = isHTTP10
    }
}

/// `HTTP/` DIGIT `.` DIGIT, case-sensitive (RFC 9112 2.3).
enum HTTPVersion {
    /// Nil when malformed. A higher minor version counts as 1.1 (RFC 9110 2.5).
    static func isHTTP10(_ text: Slice<UnsafeRawBufferPointer>) throws(HTTPError) -> Bool? {
        let bytes = Array(text)
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), digits.contains(bytes[5]),
            bytes[6] == UInt8(ascii: "."), digits.contains(bytes[7])
        else { return nil }
        guard bytes[5] == UInt8(ascii: "1") else { throw .versionUnsupported }
        return bytes[7] == UInt8(ascii: "0")
    }
}

/// The forms of RFC 9112 3.2 but authority-form, which is CONNECT's.
struct RequestTarget {
    var authority: String?
    let path: String
    let query: String?

    init(_ target: String, method: HTTPRequest.Method) throws(HTTPError) {
        if target == "*" {
            // RFC 9112 3.2.4: only OPTIONS.
            guard method == .options else { throw .targetInvalid }
            (path, query) = ("*", nil)
            return
        }
        var rest = target[...]
        if !target.hasPrefix("/") {
            // RFC 9112 3.2.2: a server accepts absolute-form, and its authority stands in for Host.
            let lower = target.prefix(8).lowercased()
            guard lower.hasPrefix("http://") || lower == "https://" else { throw .targetInvalid }
            rest = target.dropFirst(lower.hasPrefix("http://") ? 7 : 8)
            let name = rest.prefix { $0 != "/" && $0 != "?" }
            // RFC 9110 4.2.1 and 4.2.4: an empty host is invalid, user information an error.
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isAuthority) else { throw .targetInvalid }
            authority = String(name)
            rest = rest[name.endIndex...]
        }
        let raw = rest.prefix { $0 != "?" }
        query = raw.endIndex < rest.endIndex ? String(rest[rest.index(after: raw.endIndex)...]) : nil
        // RFC 9112 3.2.4: OPTIONS with an absolute target without a path asks about the server.
        path = raw.isEmpty ? (method == .options && query == nil ? "*" : "/") : String(raw)
    }

    /// The octets of `host [":" port]` (RFC 3986 3.2), without "@" and ",": a list of hosts is two hosts.
    static func isAuthority(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "%"), UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default: false
        }
    }
}
