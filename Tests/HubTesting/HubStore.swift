internal import Foundation
internal import PostgresStore
internal import PostgresTesting
internal import SQLiteStore
package import Storage
internal import Testing

/// The stores that a hub is run on, each empty and of its own.
///
/// Postgres is left out, with a message, where none is installed.
package enum HubStore: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case sqlite
    case postgres

    package static let allCases: [HubStore] = {
        guard PostgresServer.isInstalled else {
            print("No Postgres is installed: nothing is tested on it.")
            return [.sqlite]
        }
        return [.sqlite, .postgres]
    }()

    package var testDescription: String { rawValue }

    package func open() throws -> any Store {
        switch self {
        case .sqlite:
            try SQLiteStore(path: NSTemporaryDirectory() + "carillon-hub-\(UUID().uuidString)/store.db")
        case .postgres: try PostgresStore(conninfo: PostgresServer.shared.freshSchema())
        }
    }
}
