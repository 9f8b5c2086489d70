internal import ArgumentParser
internal import Foundation
internal import Storage

/// Where a hub keeps its data, as `--data` names it.
struct DataFolder: ParsableArguments {
    @Option(name: .customLong("data"), help: ArgumentHelp("The hub's data folder.", valueName: "dir"))
    var path = DataFolder.standardPath

    static let standardPath = ".carillon"

    var databasePath: String { path + "/carillon.db" }
    var firstKeyPath: String { path + "/first-key" }

    /// Makes the folder, for its owner's eyes only, where it does not exist.
    func create() throws {
        PrivateFolder.makePrivate()
        defer { PrivateFolder.tighten(path) }
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure(
                .inputOutput, "Cannot make the data folder \(path).", remedy: "Name another one with --data.")
        }
    }

    func requireDatabase() throws {
        PrivateFolder.makePrivate()
        guard FileManager.default.fileExists(atPath: databasePath) else {
            throw CommandFailure(
                .inputOutput, "There is no hub's data in \(path).",
                remedy: "Name its folder with --data, or make one with `carillon user add NAME`.")
        }
    }

    /// Refuses to write `file` where it is the database itself, under this name or another.
    func refuseDatabase(as file: String) throws {
        var (one, other) = (stat(), stat())
        guard stat(file, &one) == 0, stat(databasePath, &other) == 0 else { return }
        guard one.st_dev != other.st_dev || one.st_ino != other.st_ino else {
            throw CommandFailure(.usage, "\(file) is the store itself.", remedy: "Name another file.")
        }
    }

    /// The database and what SQLite keeps beside it.
    private static let suffixes = ["", "-wal", "-shm"]

    func removeDatabase() {
        for suffix in DataFolder.suffixes { unlink(databasePath + suffix) }
    }

    /// Returns the new name; nil where there was no database.
    func moveDatabaseAside() throws -> String? {
        guard FileManager.default.fileExists(atPath: databasePath) else {
            // A log without its database is of none.
            removeDatabase()
            return nil
        }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "UTC")
        format.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
        var aside = "\(databasePath).before-\(format.string(from: Date()))"
        var count = 1
        while FileManager.default.fileExists(atPath: aside) {
            count += 1
            aside = "\(databasePath).before-\(format.string(from: Date()))-\(count)"
        }
        // The database first: a log that is left beside none is dropped, one that is missing loses commits.
        for suffix in DataFolder.suffixes where FileManager.default.fileExists(atPath: databasePath + suffix) {
            guard rename(databasePath + suffix, aside + suffix) == 0 else {
                throw CommandFailure(
                    .inputOutput, "Cannot move \(databasePath + suffix): \(String(cString: strerror(errno))).")
            }
        }
        return aside
    }

    /// Held as long as a hub, or whoever changes the file as a whole, works here.
    func lock() throws -> FolderLock { try FolderLock(path + "/hub.lock") }
}

extension CommandFailure {
    init(_ error: StoreError, _ what: String) {
        switch error {
        case .full(let reason):
            self.init(
                .inputOutput, "\(what): the disk is full (\(Self.clause(reason))).", remedy: "Make room and try again.")
        case .unavailable(let reason), .outcomeUnknown(let reason):
            self.init(.temporary, "\(what): \(Self.clause(reason)).", remedy: "Try again.")
        case .denied(let reason):
            self.init(
                .inputOutput, "\(what): \(Self.clause(reason)).",
                remedy: "Check the address and the credentials of --store.")
        case .corrupt(let reason):
            self.init(
                .inputOutput, "\(what): \(Self.clause(reason)).",
                remedy: "Restore a backup (carillon admin restore), or use another data folder.")
        case .newerSchema(let found, let supported):
            self.init(
                .inputOutput, "\(what): its schema \(found) is newer than this program's \(supported).",
                remedy: "Update carillon.")
        case .refused(let reason), .limitReached(let reason):
            self.init(.notAccepted, "\(what): \(Self.clause(reason)).")
        }
    }

    /// A store's reason may be sentences; here a stop comes behind it.
    private static func clause(_ reason: String) -> Substring {
        reason.hasSuffix(".") ? reason.dropLast() : reason[...]
    }
}
