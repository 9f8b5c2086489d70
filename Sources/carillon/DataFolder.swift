internal import ArgumentParser
internal import Foundation
internal import Hub
internal import SQLiteStore
internal import Storage

/// Where a hub keeps its data, as `--data` names it.
struct DataFolder: ParsableArguments {
    @Option(name: .customLong("data"), help: ArgumentHelp("The hub's data folder.", valueName: "dir"))
    var path = ".carillon"

    var databasePath: String { path + "/carillon.db" }
    var firstKeyPath: String { path + "/first-key" }

    /// Makes the folder, for its owner's eyes only, where it does not exist.
    func create() throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure(
                .inputOutput, "Cannot make the data folder \(path).", remedy: "Name another one with --data.")
        }
    }

    func openStore() throws -> SQLiteStore {
        do throws(StoreError) {
            return try SQLiteStore(path: databasePath)
        } catch {
            throw CommandFailure(error, "Cannot open \(databasePath)")
        }
    }

    /// The accounts of a hub that was started here once.
    func existingAccounts() throws -> Accounts { Accounts(store: try existingStore()) }

    /// The store of a hub that was started here once.
    func existingStore() throws -> SQLiteStore {
        guard FileManager.default.fileExists(atPath: databasePath) else {
            throw CommandFailure(
                .inputOutput, "There is no hub's data in \(path).",
                remedy: "Name its folder with --data, or make one with `carillon user add NAME`.")
        }
        return try openStore()
    }
}

extension CommandFailure {
    init(_ error: StoreError, _ what: String) {
        switch error {
        case .full(let reason):
            self.init(.inputOutput, "\(what): the disk is full (\(reason)).", remedy: "Make room and try again.")
        case .unavailable(let reason), .outcomeUnknown(let reason):
            self.init(.temporary, "\(what): \(reason).", remedy: "Try again.")
        case .denied(let reason):
            self.init(.inputOutput, "\(what): \(reason).", remedy: "Check the address and the credentials of --store.")
        case .corrupt(let reason):
            self.init(
                .inputOutput, "\(what): \(reason).", remedy: "Restore the data folder from a backup, or use another.")
        case .newerSchema(let found, let supported):
            self.init(
                .inputOutput, "\(what): its schema \(found) is newer than this program's \(supported).",
                remedy: "Update carillon.")
        case .refused(let reason):
            self.init(.notAccepted, "\(what): \(reason).")
        }
    }
}
