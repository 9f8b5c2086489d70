import Foundation
import Testing

/// Hub processes on one Postgres.
final class HubCluster {
    let conninfo: String
    let hubs: [HubProcess]

    init(conninfo: String, hubCount: Int, options: [String] = []) throws {
        self.conninfo = conninfo
        hubs = try (0..<hubCount).map { _ in try HubProcess(key: "", options: ["--store", conninfo] + options) }
    }

    /// Adds a user, and returns a key of theirs.
    func addUser(_ name: String) throws -> String {
        let user = try Program(["user", "add", name, "--store", conninfo])
        try #require(user.exitStatus() == 0, "\(user.errorText)")
        let key = try Program(["key", "create", name, "--store", conninfo])
        try #require(key.exitStatus() == 0, "\(key.errorText)")
        return try #require(
            key.text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("car_") }.map(String.init))
    }
}
