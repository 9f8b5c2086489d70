public import Foundation

/// A Postgres of the tests' own, on a folder and a Unix socket of its own.
public final class PostgresServer: Sendable {
    public let folder: URL

    public init(folder: URL) {
        self.folder = folder
    }
}
