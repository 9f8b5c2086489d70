internal import Dispatch
internal import GRDB
public import Storage

/// Looks whether a store's file is sound, without writing to it, also while a hub runs on it.
public enum StoreCheck {
    public enum Finding: Sendable, Equatable {
        case sound
        /// What SQLite says is wrong, its first sentences.
        case damaged([String])
        /// The file is too large to be read in the given time; what was read was sound.
        case unfinished
    }

    /// SQLite's `quick_check`: reads all of the file, and passes over whether indexes and tables say the same.
    ///
    /// - Parameter seconds: gives up after so long.
    public static func run(path: String, seconds: Int) throws(StoreError) -> Finding {
        var configuration = Configuration()
        configuration.label = "carillon.check"
        configuration.readonly = true
        configuration.busyMode = .timeout(2)
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let timer = DispatchSource.makeTimerSource()
            timer.setEventHandler { queue.interrupt() }
            timer.schedule(deadline: .now() + .seconds(seconds))
            timer.resume()
            defer { timer.cancel() }
            let sentences = try queue.read { database in
                try Schema.check(database)
                return try String.fetchAll(database, sql: "PRAGMA quick_check(5)")
            }
            return sentences == ["ok"] ? .sound : .damaged(sentences)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_INTERRUPT {
            return .unfinished
        } catch {
            throw StoreError(error)
        }
    }
}
