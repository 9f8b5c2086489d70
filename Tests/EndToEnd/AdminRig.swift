import Foundation
import Glibc
import Testing

/// A data folder of its own, and commands on it, with and without a hub.
final class AdminRig {
    let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-admin-\(UUID().uuidString)")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: folder.appending(path: name))
    }

    func mode(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }

    func run(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Program {
        try Program(arguments, environment: ["CARILLON_STORE": ""].merging(environment) { $1 })
    }

    @discardableResult
    func done(_ arguments: [String], exit: Int32 = 0, _ environment: [String: String] = [:]) throws -> Program {
        let program = try run(arguments, environment)
        #expect(program.exitStatus() == exit, "\(arguments): \(program.errorText)")
        return program
    }
}
