internal import ArgumentParser
internal import Foundation
internal import SQLiteStore
internal import Storage

/// Which store, as `--store` and `--data` name it.
enum StoreChoice {
    /// In the data folder.
    case sqlite(DataFolder)
    /// Gone with its process.
    case memory
    /// A postgres:// URL, or empty for the PG* variables.
    case postgres(conninfo: String)

    /// What libpq takes for a URL.
    static let schemes = ["postgres://", "postgresql://"]

    /// - Throws: a `ValidationError` that repeats no password.
    static func parse(_ text: String, _ source: String, data: DataFolder) throws -> StoreChoice {
        switch text {
        case "sqlite": return .sqlite(data)
        case "memory": return .memory
        case "postgres", "postgresql": return .postgres(conninfo: "")
        case let url where schemes.contains { url.hasPrefix($0) }: return .postgres(conninfo: url)
        default:
            throw ValidationError(
                "\(source) is sqlite, memory, postgres (the PG* variables) or a postgres:// URL, and not "
                    + "\"\(PostgresURL.shown(text))\".")
        }
    }

    var isMemory: Bool {
        if case .memory = self { return true }
        return false
    }

    /// For people: without a password.
    var shown: String {
        switch self {
        case .sqlite(let data): data.databasePath
        case .memory: "the memory store"
        case .postgres(""): "the Postgres of the PG* variables"
        case .postgres(let conninfo): PostgresURL.shown(conninfo)
        }
    }

    /// Opens the store, and makes it where it does not exist.
    ///
    /// - Parameter log: what the store has to say later, of connections that it lost.
    func open(log: @escaping @Sendable (String) -> Void = { _ in }) throws -> any Store {
        do throws(StoreError) {
            switch self {
            case .sqlite(let data): return try SQLiteStore(path: data.databasePath)
            case .memory: return MemoryStore(generation: .random())
            case .postgres(let conninfo): return try PostgresSeam.open(conninfo, log: log)
            }
        } catch {
            throw failure(error, "Cannot open \(shown)")
        }
    }

    /// As ``open(log:)``, for whoever serves it or changes it: a store that an import broke off in is refused.
    func openWhole(log: @escaping @Sendable (String) -> Void = { _ in }) throws -> any Store {
        let store = try open(log: log)
        do throws(StoreError) {
            guard try store.isUnfinished else { return store }
        } catch {
            throw failure(error, "Cannot read \(shown)")
        }
        throw CommandFailure(
            .inputOutput, "\(shown) holds a part of an import that broke off: nothing works on it.",
            remedy: unfinishedRemedy)
    }

    var unfinishedRemedy: String {
        switch self {
        case .sqlite(let data):
            "Import again: carillon admin import FILE --data \(Terminal.quoted(data.path)) - it begins anew."
        case .memory: "Start again."
        case .postgres: "Import again into an empty database or schema, and drop this one."
        }
    }

    /// A store's error, without a password that a library may have repeated.
    func failure(_ error: StoreError, _ what: String) -> CommandFailure {
        var failure = CommandFailure(error, what)
        if case .postgres(let conninfo) = self {
            failure.sentence = PostgresURL.clean(failure.sentence, of: conninfo)
            if error.isCorrupt { failure.remedy = "Restore the database from a backup, or use another." }
        }
        return failure
    }
}

extension StoreError {
    fileprivate var isCorrupt: Bool {
        if case .corrupt = self { return true }
        return false
    }
}
