internal import CPostgres
internal import Foundation

/// What libpq is told to connect with: the caller's conninfo, and our own values where neither it nor the environment
/// says otherwise.
struct ConnectionSettings: Sendable {
    /// Seconds. Bounds each address that is tried; resolving a name is bounded by the resolver.
    var connectSeconds = 5
    /// Longest time of one statement on the server, and of a transaction that waits for us.
    var statementSeconds = 30
    var lockSeconds = 10
    private let keywords: [(name: String, value: String)]

    /// What is set on each connection unless the caller names it.
    ///
    /// - Keepalives: a peer that is gone is noticed after 10 + 3 x 5 seconds of silence.
    /// - tcp_user_timeout, in milliseconds: the same for bytes under way.
    private static let defaults = [
        ("fallback_application_name", "carillon"), ("keepalives_idle", "10"), ("keepalives_interval", "5"),
        ("keepalives_count", "3"), ("tcp_user_timeout", "25000"),
    ]

    /// - Parameter conninfo: a `postgres://` URL or `key=value` text as libpq takes it; empty: the PG* variables.
    init(conninfo: String) throws(PostgresFailure) {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(conninfo, &message) else {
            let told = message.map { String(cString: $0) } ?? "no memory"
            PQfreemem(message)
            throw ConnectionSettings.notUnderstood(ConnectionSettings.withoutQuotes(tidy(told)))
        }
        defer { PQconninfoFree(options) }
        var given: [(String, String)] = []
        var option = options
        while let name = option.pointee.keyword {
            if let value = option.pointee.val { given.append((String(cString: name), String(cString: value))) }
            option += 1
        }
        try ConnectionSettings.check(given)
        // 0 is without end for libpq: a call must not be.
        given.removeAll { $0.0 == "connect_timeout" && (Int($0.1) ?? 0) <= 0 }
        let names = Set(given.map(\.0))
        for (name, value) in ConnectionSettings.defaults where !names.contains(name) { given.append((name, value)) }
        let ofEnvironment = ProcessInfo.processInfo.environment["PGCONNECT_TIMEOUT"].flatMap { Int($0) } ?? 0
        hasTimeout = names.contains("connect_timeout") || ofEnvironment > 0
        // What is read and written is UTF-8, whatever the environment says.
        given.removeAll { $0.0 == "client_encoding" }
        given.append(("client_encoding", "UTF8"))
        keywords = given.map { (name: $0.0, value: $0.1) }
    }

    private let hasTimeout: Bool

    func connect() -> OpaquePointer? {
        var given = keywords
        if !hasTimeout { given.append((name: "connect_timeout", value: String(max(connectSeconds, 2)))) }
        var names = given.map { UnsafePointer(strdup($0.name)) }
        var values = given.map { UnsafePointer(strdup($0.value)) }
        defer {
            for pointer in names + values { free(UnsafeMutablePointer(mutating: pointer)) }
        }
        names.append(nil)
        values.append(nil)
        return PQconnectdbParams(names, values, 0)
    }
}

// A password that is not escaped ends up where a host or a port was meant, and libpq quotes what it does not understand:
// none of it may be told.
extension ConnectionSettings {
    private static func notUnderstood(_ reason: String) -> PostgresFailure {
        PostgresFailure(kind: .server(sqlState: "28000"), message: "the connection text is not understood: \(reason)")
    }

    /// What stands in double quotes is the caller's text, and may hold quotes itself: all of it goes, up to the last one.
    /// Signs alone are libpq's own.
    static func withoutQuotes(_ message: String) -> String {
        let parts = message.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
        let first = stride(from: 1, to: parts.count, by: 2).first { index in
            parts[index].contains { $0.isLetter || $0.isNumber }
        }
        guard let first, let last = parts.last else { return message }
        return (parts[..<first] + ["..."] + (parts.count > first + 1 ? [last] : [])).joined(separator: "\"")
    }

    private static func check(_ given: [(name: String, value: String)]) throws(PostgresFailure) {
        let escapes = "write @ / : ? % of a user or password as %40 %2F %3A %3F %25"
        for (name, value) in given {
            switch name {
            case "host", "hostaddr":
                // A folder of sockets may have any name.
                if value.contains("@"), !value.hasPrefix("/"), !value.hasPrefix("@") {
                    throw notUnderstood("there is an @ in the name of the host; \(escapes)")
                }
            case "port":
                if !value.split(separator: ",").allSatisfy({ UInt16($0) != nil }) {
                    throw notUnderstood("the port is not a number up to 65535; \(escapes)")
                }
            default: break
            }
        }
    }
}

/// A message of libpq or the server as a sentence: some are questions.
func ended(_ message: String) -> String {
    let text = tidy(message)
    return text.hasSuffix("?") ? text : text + "."
}

/// A message of libpq or the server as the middle of a sentence: one line, no full stop.
func tidy(_ message: String) -> String {
    var lines = message.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    lines.removeAll { $0.isEmpty }
    var text = lines.joined(separator: "; ")
    for prefix in ["ERROR:  ", "FATAL:  "] where text.hasPrefix(prefix) { text.removeFirst(prefix.count) }
    while text.hasSuffix(".") { text.removeLast() }
    return text
}
