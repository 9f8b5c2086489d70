internal import GRDB
internal import GRDBSQLite
internal import Storage

extension StoreError {
    /// What `error`, out of GRDB or our own code, means to the hub.
    ///
    /// - Parameter isCommitting: whether the transaction's body had run. An I/O error then leaves its frames in the
    ///   write-ahead log, where a recovery may find them.
    init(_ error: any Error, isCommitting: Bool = false) {
        switch error {
        case let known as StoreError:
            self = known
        case let failure as DatabaseError:
            self.init(
                code: failure.resultCode.rawValue, message: failure.message ?? "no message",
                isCommitting: isCommitting)
        default:
            self = .unavailable(String(describing: error))
        }
    }

    init(code: CInt, message: String, isCommitting: Bool = false) {
        switch code & 0xff {
        case SQLITE_FULL: self = .full(message)
        case SQLITE_IOERR where isCommitting: self = .outcomeUnknown(message)
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT: self = .corrupt(message)
        case SQLITE_CONSTRAINT: self = .refused(message)
        default: self = .unavailable("SQLite \(code): \(message)")
        }
    }
}
