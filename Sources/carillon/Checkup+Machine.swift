internal import Foundation
internal import SQLiteStore
internal import Storage

extension Checkup {
    /// A tail or a push needs a few; a hub one per device. 1,024 is what most systems give unless told.
    private static let filesMin: UInt64 = 1_024
    /// A checkpoint and a vacuum need room beside the file.
    private static let freeBytesWarned: UInt64 = 1 << 30
    private static let freeBytesMin: UInt64 = 64 << 20
    private static let checkSeconds = 20

    mutating func machine() {
        state()
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        // A hub raises the soft limit to the hard one by itself.
        let most = limit.rlim_max == rlim_t.max ? "any number of" : "\(limit.rlim_max)"
        if limit.rlim_max < Checkup.filesMin {
            note(
                "files", .warn, "A process here may open \(most) files; a hub needs one per device.",
                remedy: "Raise it: ulimit -Hn, or LimitNOFILE= in the systemd unit.")
        } else {
            note("files", .ok, "A process here may open \(most) files.")
        }
    }

    /// Where tails keep their cursors. Nothing is made here: the next folder that exists decides.
    private mutating func state() {
        let folder = TailState.folder
        var place = folder
        while !FileManager.default.fileExists(atPath: place), place.count > 1 {
            place = (place as NSString).deletingLastPathComponent
        }
        if !place.isEmpty, access(place, W_OK | X_OK) == 0 {
            note("state", .ok, "Tails can keep their cursors in \(folder).")
        } else {
            note(
                "state", .fail, "Tails cannot keep their cursors in \(folder): \(place) is not writable.",
                remedy: "Make it yours, set XDG_STATE_HOME, or pass --state FILE to tail.")
        }
    }

    /// A hub's data, with or without a hub that runs on it.
    mutating func dataFolder(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            note(
                "data", .fail, "There is no folder \(path).", remedy: "Name the one that `carillon serve --data` uses.")
            return
        }
        if status.st_mode & 0o077 != 0 {
            note(
                "data", .warn, "\(path) is open to others: records are their owners' business.",
                remedy: "chmod 700 \(Terminal.quoted(path))")
        } else if access(path, R_OK | W_OK | X_OK) != 0 {
            note("data", .fail, "\(path) is not yours to write.", remedy: "Run this as the user that runs the hub.")
        } else {
            note("data", .ok, "\(path) is its owner's alone.")
        }
        room(path)
        running(path)
        database(path + "/carillon.db")
        ownAuthority(path)
    }

    private mutating func room(_ path: String) {
        var system = statvfs()
        guard statvfs(path, &system) == 0 else { return }
        let (free, isOver) = UInt64(system.f_bavail).multipliedReportingOverflow(by: UInt64(system.f_frsize))
        let told = String(format: "%.1f GB are free on the disk of %@.", Double(free) / 1e9, path)
        if isOver || free >= Checkup.freeBytesWarned {
            note("disk", .ok, told)
        } else {
            note(
                "disk", free < Checkup.freeBytesMin ? .fail : .warn, told,
                remedy: "Make room: a full disk stops every push.")
        }
    }

    private mutating func running(_ path: String) {
        let lock = path + "/hub.lock"
        guard FileManager.default.fileExists(atPath: lock) else {
            note("running", .ok, "No hub has run on \(path) yet.")
            return
        }
        do {
            // Let go at once: a hub that starts now would find it taken.
            _ = try FolderLock(lock)
            note("running", .ok, "No hub runs on \(path) now.")
        } catch let failure as CommandFailure where failure.status == .hubUnavailable {
            note("running", .ok, "A hub runs on \(path); a second one would be refused.")
        } catch {
            note("running", .warn, "Whether a hub runs on \(path) cannot be told.", remedy: "Look at \(lock).")
        }
    }

    private mutating func database(_ path: String) {
        guard FileManager.default.fileExists(atPath: path) else {
            note("store", .warn, "There is no store \(path) yet.", remedy: "Start a hub: carillon serve --quick-start")
            return
        }
        do throws(StoreError) {
            switch try StoreCheck.run(path: path, seconds: Checkup.checkSeconds) {
            case .sound: note("store", .ok, "\(path) is sound.")
            case .unfinished:
                note(
                    "store", .warn, "\(path) could not be read through in \(Checkup.checkSeconds) s.",
                    remedy: "With the time it takes: sqlite3 \(Terminal.quoted(path)) 'PRAGMA quick_check'")
            case .damaged(let sentences):
                note(
                    "store", .fail, "\(path) is damaged: \(sentences.joined(separator: "; ")).",
                    remedy: "Stop the hub, keep a copy, and restore the folder from a backup.")
            }
        } catch {
            let failure = CommandFailure(error, "\(path) cannot be read")
            note("store", .fail, failure.sentence, remedy: failure.remedy)
        }
    }
}
