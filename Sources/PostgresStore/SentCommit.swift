internal import Causality
internal import Foundation
internal import Storage

/// A commit that was sent, and whose answer was lost: by what it is found again.
///
/// Its number is not enough. A server that crashed before it wrote anything of the transaction to its log gives the
/// number to another one, which may have committed by the time that we ask. So one entry of each space is looked for too.
struct SentCommit: Sendable {
    let transactionID: Int64
    /// The newest entry of each space; a transaction is there as a whole or not at all.
    fileprivate let landmarks: [Landmark]

    fileprivate struct Landmark: Sendable {
        let space: Identifier
        let position: Position
        let kind: Identifier
        let id: Identifier
        let hash: Identifier
    }

    init(_ transaction: PostgresTransaction) {
        transactionID = transaction.transactionID
        landmarks = transaction.changes.compactMap { space, change in
            change.added.max { $0.position < $1.position }.map { entry in
                Landmark(
                    space: space, position: entry.position, kind: entry.change.kind, id: entry.change.id,
                    hash: entry.change.hash)
            }
        }
    }
}

extension PostgresStore {
    enum CommitOutcome {
        case committed
        case aborted
        case unknown
    }

    private static let outcomePauseSeconds = 0.1

    static let transactionStatus = Statement("SELECT pg_xact_status($1::text::xid8)", isPrepared: false)
    static let landmarksFound = Statement(
        """
        SELECT count(*) FROM unnest($1, $2, $3, $4, $5) AS e(space, position, kind, id, hash)
        JOIN versions v ON v.space = e.space AND v.position = e.position
        WHERE v.kind = e.kind AND v.id = e.id AND v.hash = e.hash
        """, isPrepared: false)
    /// "transaction ID is in the future", invalid_parameter_value.
    private static let futureTransaction = "22023"

    /// What became of a transaction, on a connection of its own: for as long as ``Configuration/outcomeSeconds`` the
    /// server is tried, and a backend that has not noticed yet that we are gone is waited for.
    func outcome(of commit: SentCommit) -> CommitOutcome {
        state.withLock { $0.metrics.outcomesAsked += 1 }
        let end = MonotonicTime.now + Int64(configuration.outcomeSeconds) * 1_000_000_000
        while MonotonicTime.now < end {
            if let outcome = try? askOutcome(of: commit) { return outcome }
            Thread.sleep(forTimeInterval: PostgresStore.outcomePauseSeconds)
        }
        return .unknown
    }

    /// nil while it is not decided.
    private func askOutcome(of commit: SentCommit) throws(PostgresFailure) -> CommitOutcome? {
        let connection = try PostgresConnection(settings)
        // Another server's transaction of that number would be another one.
        guard let row = try connection.run(life.reading).first, !Life(row).isElsewhere else { return .unknown }
        var parameters = Parameters()
        parameters.add(String(commit.transactionID))
        let status: String?
        do throws(PostgresFailure) {
            status = try connection.run(PostgresStore.transactionStatus, parameters).first?.optionalText(0)
        } catch {
            // It crashed, and its log knows of no such transaction.
            guard error.sqlState == PostgresStore.futureTransaction else { throw error }
            return .aborted
        }
        switch status {
        case "committed": return try isThere(commit, on: connection) ? .committed : .unknown
        case "aborted": return .aborted
        case "in progress": return nil
        default: return .unknown
        }
    }

    /// False too where another commit has replaced an entry since: then nobody can tell.
    private func isThere(
        _ commit: SentCommit, on connection: PostgresConnection
    ) throws(PostgresFailure) -> Bool {
        let marks = commit.landmarks
        guard !marks.isEmpty else { return true }
        let positions = ArrayParameter.numbers()
        for mark in marks { positions.append(mark.position.microseconds) }
        var parameters = Parameters()
        parameters.add(ArrayParameter.texts(marks.map(\.space)))
        parameters.add(positions)
        for texts in [marks.map(\.kind), marks.map(\.id), marks.map(\.hash)] {
            parameters.add(ArrayParameter.texts(texts))
        }
        return try connection.run(PostgresStore.landmarksFound, parameters).first?.number(0) == Int64(marks.count)
    }
}
