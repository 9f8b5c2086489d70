internal import Causality
internal import Foundation
internal import Storage

/// A COMMIT that was sent, and how it is found again when its answer is lost.
///
/// The transaction's number alone proves nothing: one that reached no disk before a crash is given out again afterwards,
/// and whoever has it then may commit. An entry that stands in the log with the number as its `xmin` is proof.
struct SentCommit {
    let transactionID: Int64
    /// An entry of it; nil where it adds none.
    let entry: (space: Identifier, position: Position)?
    /// Whether it moves any head: otherwise whoever comes again decides on what is there, and nothing is written twice.
    let movesLog: Bool

    init(_ transaction: PostgresTransaction) {
        transactionID = transaction.transactionID
        movesLog = !transaction.changes.isEmpty
        let grown = transaction.changes.first { !$0.value.added.isEmpty }
        entry = grown.flatMap { space, change in change.added.first.map { (space, $0.position) } }
    }
}

enum CommitOutcome {
    case committed
    case aborted
    case unknown
}

extension PostgresStore {
    private static let outcomePauseSeconds = 0.1
    static let transactionStatus = Statement("SELECT pg_xact_status($1::text::xid8)", isPrepared: false)
    static let entryWritten = Statement(
        "SELECT FROM versions v WHERE v.space = $1 AND v.position = $2 AND v.xmin::text = $3", isPrepared: false)

    /// What became of a commit, on a connection of its own: for as long as ``Configuration/outcomeSeconds`` the server is
    /// tried, and a backend that has not noticed yet that we are gone is waited for.
    func outcome(of commit: SentCommit) -> CommitOutcome {
        state.withLock { $0.metrics.outcomesAsked += 1 }
        var settings = settings
        // A server that answers at all answers this at once.
        settings.statementSeconds = min(settings.statementSeconds, max(configuration.outcomeSeconds / 2, 1))
        let end = MonotonicTime.now + Int64(configuration.outcomeSeconds) * 1_000_000_000
        while MonotonicTime.now < end {
            if let outcome = try? askOutcome(of: commit, settings) { return outcome }
            Thread.sleep(forTimeInterval: PostgresStore.outcomePauseSeconds)
        }
        return .unknown
    }

    /// nil while it is not decided.
    private func askOutcome(
        of commit: SentCommit, _ settings: ConnectionSettings
    ) throws(PostgresFailure) -> CommitOutcome? {
        let connection = try PostgresConnection(settings)
        // Another server's transaction of that number would be another one.
        guard let row = try connection.run(life.reading).first, !Life(row).isElsewhere else { return .unknown }
        switch try status(of: commit, connection) {
        case "committed": return try isWritten(commit, connection) ? .committed : commit.movesLog ? .unknown : .aborted
        case "aborted": return .aborted
        case "in progress": return nil
        default: return .unknown
        }
    }

    private func status(of commit: SentCommit, _ connection: PostgresConnection) throws(PostgresFailure) -> String? {
        var number = Parameters()
        number.add(String(commit.transactionID))
        do throws(PostgresFailure) {
            return try connection.run(PostgresStore.transactionStatus, number).first?.optionalText(0)
        } catch {
            // "In the future": a crash took it, and the number was not given out again yet.
            guard error.sqlState == "22023" else { throw error }
            return "aborted"
        }
    }

    private func isWritten(_ commit: SentCommit, _ connection: PostgresConnection) throws(PostgresFailure) -> Bool {
        guard let entry = commit.entry else { return false }
        var place = Parameters(entry.space)
        place.add(entry.position)
        place.add(String(UInt32(truncatingIfNeeded: commit.transactionID)))
        return try connection.run(PostgresStore.entryWritten, place).first != nil
    }
}
