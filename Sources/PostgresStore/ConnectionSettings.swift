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

    /// What is set on each connection unless named otherwise, and the variable that names it.
    ///
    /// - Keepalives: a peer that is gone is noticed after 10 + 3 x 5 seconds of silence.
    /// - tcp_user_timeout, in milliseconds: the same for bytes under way.
    private static let defaults: [(name: String, value: String, variable: String?)] = [
        ("fallback_application_name", "carillon", nil), ("keepalives_idle", "10", nil),
        ("keepalives_interval", "5", nil), ("keepalives_count", "3", nil), ("tcp_user_timeout", "25000", nil),
    ]

    /// - Parameter conninfo: a `postgres://` URL or `key=value` text as libpq takes it; empty: the PG* variables.
    init(conninfo: String) throws(PostgresFailure) {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(conninfo, &message) else {
            let told = message.map { String(cString: $0) } ?? "no memory"
            PQfreemem(message)
            throw PostgresFailure(
                kind: .server(sqlState: "28000"), message: "the connection text is not understood: \(tidy(told))")
        }
        defer { PQconninfoFree(options) }
        var given: [(String, String)] = []
        var option = options
        while let name = option.pointee.keyword {
            if let value = option.pointee.val { given.append((String(cString: name), String(cString: value))) }
            option += 1
        }
        let names = Set(given.map(\.0))
        for (name, value, _) in ConnectionSettings.defaults where !names.contains(name) { given.append((name, value)) }
        hasTimeout =
            names.contains("connect_timeout") || ProcessInfo.processInfo.environment["PGCONNECT_TIMEOUT"] != nil
        // What is read and written is UTF-8, whatever the environment says.
        given.removeAll { $0.0 == "client_encoding" }
        given.append(("client_encoding", "UTF8"))
        keywords = given.map { (name: $0.0, value: $0.1) }
    }

    private let hasTimeout: Bool

    /// Who is asked, for messages: never a password.
    var address: String {
        let named = keywords.filter { ["host", "hostaddr", "port", "dbname", "user"].contains($0.name) }
        return named.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    }

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
