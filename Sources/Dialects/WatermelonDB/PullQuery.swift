internal import Causality
internal import Hub
internal import Wire

/// What a pull asks for.
struct PullQuery {
    /// ``Position/start`` on a first sync.
    let since: Position
    let migration: PullMigration?
    /// Only these tables; empty means all.
    let tables: [Identifier]
    let excluded: Set<Identifier>
    /// Whether every row is to stand under `updated`.
    let sendsCreatedAsUpdated: Bool

    var isFirst: Bool { since == .start }

    init(_ request: DialectRequest) throws {
        since =
            try request.query("last_pulled_at").map { text throws(SyncProblem) in try SyncTimestamp.read(text) }
            ?? .start
        migration = try PullMigration(text: request.query("migration") ?? "null")
        tables = try PullQuery.names(request.query("tables"))
        excluded = Set(try PullQuery.names(request.query("exclude")))
        switch try request.query("sendCreatedAsUpdated") {
        case nil, "false", "0": sendsCreatedAsUpdated = false
        case "true", "1": sendsCreatedAsUpdated = true
        default: throw SyncProblem.badField("sendCreatedAsUpdated must be true or false.")
        }
    }

    private static func names(_ list: String?) throws(SyncProblem) -> [Identifier] {
        var names: [Identifier] = []
        for text in (list ?? "").split(separator: ",") {
            do {
                names.append(try Identifier(String(text)))
            } catch {
                throw .badField("`tables` and `exclude` are names with commas between; of one, \(error.sentence).")
            }
        }
        // The store's filter of kinds, as a subscription has it.
        guard names.count <= WireLimits.standard.filtersMax else {
            throw .badField("`tables` and `exclude` name at most \(WireLimits.standard.filtersMax) tables.")
        }
        return names
    }
}

/// `{"from": n, "tables": [NAME, ..], "columns": [{"table": NAME, "columns": [NAME, ..]}, ..]}`: what the app's schema
/// gained since its last sync, and so lacks on this device however old it is on the hub.
struct PullMigration {
    private(set) var tables: Set<Identifier> = []
    private(set) var columns: [Identifier: Set<String>] = [:]

    /// Nil for the literal `null`.
    init?(text: String) throws(SyncProblem) {
        guard text != "null", !text.isEmpty else { return nil }
        self.init()
        let bytes = Array(text.utf8)
        let fault = bytes.withUnsafeBytes { bytes -> JSONError? in
            do throws(JSONError) {
                var scanner = JSONScanner(bytes)
                try read(&scanner)
                try scanner.finish()
                return scanner.takeFault()
            } catch {
                return error
            }
        }
        if let fault {
            throw .badField(
                "migration must be null, or the client's `migration` as URL-encoded JSON with `from`, `tables` and "
                    + "`columns`; at byte \(fault.offset), \(fault.code.sentence).")
        }
    }

    private init() {}

    private mutating func read(_ scanner: inout JSONScanner) throws(JSONError) {
        try scanner.eachField { (scanner, name) throws(JSONError) in
            if scanner.isName(name, "tables") {
                try scanner.eachElement { (scanner) throws(JSONError) in
                    tables.insert(Identifier(unchecked: try PullMigration.name(&scanner)))
                }
            } else if scanner.isName(name, "columns") {
                try scanner.eachElement { (scanner) throws(JSONError) in try readColumns(&scanner) }
            } else {
                _ = try scanner.value()
            }
        }
    }

    private mutating func readColumns(_ scanner: inout JSONScanner) throws(JSONError) {
        var table: Identifier?
        var names: Set<String> = []
        try scanner.eachField { (scanner, name) throws(JSONError) in
            if scanner.isName(name, "table") {
                table = Identifier(unchecked: try PullMigration.name(&scanner))
            } else if scanner.isName(name, "columns") {
                try scanner.eachElement { (scanner) throws(JSONError) in
                    names.insert(try PullMigration.name(&scanner))
                }
            } else {
                _ = try scanner.value()
            }
        }
        if let table { columns[table, default: []].formUnion(names) }
    }

    private static func name(_ scanner: inout JSONScanner) throws(JSONError) -> String {
        let place = try scanner.value()
        guard let text = scanner.string(at: place) else { throw JSONError(.unexpectedByte, at: place.lowerBound) }
        return text
    }
}
