internal import Foundation
internal import GRDB
public import Storage

/// Copies of a store's file: made while a hub runs on it, and brought back.
public enum StoreBackup {
    /// Pages of one step, 8 MiB: how often the progress is told.
    private static let pagesPerStep: CInt = 1_024

    /// Copies the store at `path` as of now, also while a hub writes to it, which goes on meanwhile.
    ///
    /// The copy is made beside `file`, read through, synced, and only then moved to its place; its owner alone may read
    /// it. It is one file, without a write-ahead log, and of another life: should somebody put it in the store's place by
    /// hand, a cursor of what came after it is told apart all the same.
    ///
    /// - Parameter progress: told how many of how many bytes are copied; may throw to stop.
    /// - Throws: ``StoreError/corrupt(_:)`` where the copy is not sound, ``StoreError/refused(_:)`` where the store is
    ///   unfinished, and what `progress` throws.
    public static func write(
        of path: String, to file: String, progress: @escaping (_ done: Int64, _ of: Int64) throws -> Void = { _, _ in }
    ) throws {
        try place(path, at: file, progress)
    }

    /// Puts what is in `file` in the place of the store at `path`, in a life of its own: cursors of before are told to
    /// resync. Nothing may be at `path`, and no hub run on it.
    public static func restore(
        _ file: String, to path: String, progress: @escaping (_ done: Int64, _ of: Int64) throws -> Void = { _, _ in }
    ) throws {
        try place(file, at: path, progress)
    }

    /// Beside its place first, so that what is there is whole at any moment.
    private static func place(
        _ source: String, at path: String, _ progress: @escaping (Int64, Int64) throws -> Void
    ) throws {
        let draft = draftPath(of: path)
        defer { remove(draft) }
        try passingOn {
            try copy(source, to: draft, progress)
            try begin(draft)
            try sync(draft)
            try move(draft, to: path)
        }
    }

    /// What opening the store at `path` would do to its schema. Writes nothing.
    public static func plan(path: String) throws(StoreError) -> MigrationPlan {
        do {
            guard FileManager.default.fileExists(atPath: path) else {
                return try DatabaseQueue().read { try Schema.plan($0) }
            }
            var reading = configuration("carillon.plan")
            reading.readonly = true
            return try DatabaseQueue(path: path, configuration: reading).read { try Schema.plan($0) }
        } catch {
            throw StoreError(error)
        }
    }

    private static func copy(
        _ path: String, to draft: String, _ progress: @escaping (Int64, Int64) throws -> Void
    ) throws {
        var reading = configuration("carillon.backup")
        reading.readonly = true
        let source = try DatabaseQueue(path: path, configuration: reading)
        remove(draft)
        try PrivateFile.prepare(draft)
        let target = try DatabaseQueue(path: draft, configuration: configuration("carillon.copy"))
        // Inside a read transaction: a commit between two steps would begin the copy anew otherwise, and under load it
        // would never end.
        try source.read { from in
            try Schema.check(from)
            guard try Int.fetchOne(from, sql: "PRAGMA user_version") ?? 0 > 0 else {
                throw StoreError.corrupt("it is no store")
            }
            let pageBytes = try Int64.fetchOne(from, sql: "PRAGMA page_size") ?? 0
            try target.writeWithoutTransaction { to in
                try from.backup(to: to, pagesPerStep: pagesPerStep) { step in
                    try progress(Int64(step.completedPageCount) * pageBytes, Int64(step.totalPageCount) * pageBytes)
                }
                // One file: what is written ahead is for stores that are written to.
                try to.execute(sql: "PRAGMA journal_mode = DELETE")
                let sentences = try String.fetchAll(to, sql: "PRAGMA quick_check(5)")
                guard sentences == ["ok"] else {
                    throw StoreError.corrupt("the copy is damaged: \(sentences.joined(separator: "; "))")
                }
                try Schema.check(to)
            }
        }
        try target.close()
        try source.close()
    }

    /// Gives a copy another life, in this program's schema.
    private static func begin(_ draft: String) throws {
        let queue = try DatabaseQueue(path: draft, configuration: configuration("carillon.life"))
        try queue.write { database in
            try Schema.migrate(database)
            guard try !SQLiteStore.isUnfinished(database) else { throw StoreError.unfinished }
            try SQLiteStore.set(.random(), database)
        }
        try queue.close()
    }

    private static func configuration(_ label: String) -> Configuration {
        var configuration = Configuration()
        configuration.label = label
        configuration.busyMode = .timeout(10)
        return configuration
    }

    private static func draftPath(of path: String) -> String { "\(path).\(getpid()).draft" }

    private static func remove(_ draft: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(draft + suffix) }
    }

    /// To the disk, before the name says that it is whole.
    private static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    private static func move(_ draft: String, to path: String) throws {
        guard rename(draft, path) == 0 else { throw failure(path) }
        try sync(URL(fileURLWithPath: path).deletingLastPathComponent().path)
    }

    private static func failure(_ path: String) -> StoreError {
        .unavailable("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }

    /// Runs `body` with SQLite's errors told as a store's, and the caller's own as they are.
    private static func passingOn(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }
}
