import Causality
import Foundation
import PostgresTesting
import SQLiteStore
import Storage
import Testing

@testable import PostgresStore

/// Each store that passes the suite. A new one is a case here.
///
/// Postgres is left out, with a message, where none is installed.
enum StoreUnderTest: String, CaseIterable, CustomTestStringConvertible {
    case memory
    case sqlite
    case postgres

    static let allCases: [StoreUnderTest] = {
        guard PostgresServer.isInstalled else {
            print("No Postgres is installed: its store is not tested.")
            return [.memory, .sqlite]
        }
        return [.memory, .sqlite, .postgres]
    }()

    var testDescription: String { rawValue }

    func open() throws -> any Store {
        switch self {
        case .memory: MemoryStore(generation: Generation(7))
        case .sqlite: try SQLiteStore(path: temporaryPath())
        case .postgres: try postgresStore()
        }
    }
}

/// A store in a schema of its own.
private func postgresStore() throws -> PostgresStore {
    var configuration = PostgresStore.Configuration()
    // Positions are the tests' own.
    configuration.usesServerClock = false
    configuration.writersMax = 4
    configuration.readersMax = 4
    return try PostgresStore(conninfo: PostgresServer.shared.freshSchema(), configuration: configuration)
}

func temporaryPath() -> String {
    NSTemporaryDirectory() + "carillon-conformance-\(UUID().uuidString)/store.db"
}

func entry(
    _ position: Int64, _ id: String, kind: Identifier = "note", namespace: Identifier = "default",
    author: Identifier = "d1", body: [UInt8] = Array("{}".utf8), isSibling: Bool = false, isDeleted: Bool = false,
    embedding: [Float]? = nil
) -> LogEntry {
    let clock = VectorClock([.init(replica: author, counter: position)])
    let change = Change(
        kind: kind, id: Identifier(unchecked: id), namespace: namespace, clock: clock, hash: "h", body: body[...],
        isDeleted: isDeleted, updatedAt: -5, schemaVersion: 3, embedding: embedding, writer: "w",
        visibility: .private)
    return LogEntry(position: Position(position), author: author, change: change, isSibling: isSibling)
}

extension Store {
    func append(_ entries: [LogEntry], ending: [Int64] = [], in space: Identifier = "s") throws {
        guard let head = entries.last?.position else { return }
        try write { (transaction) throws(StoreError) in
            _ = try transaction.lockHead(of: space)
            try transaction.append(entries, ending: ending.map { Position($0) }, in: space, head: head)
        }
    }

    func all(of space: Identifier = "s") throws -> [LogEntry] {
        try page(PageQuery(space: space, after: .start)).entries
    }
}
