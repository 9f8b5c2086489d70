public import Causality

/// The one place where order is decided: turns everything that is waiting into one transaction.
///
/// For each space it locks the head, reads the stored records of all touched names at once, runs the ``Resolver`` on
/// item after item against the state as the items before left it, and appends what survives. A version that a later
/// item of the same commit ends is never written: the log keeps the newest.
public struct Journal: Sendable {
    public struct Receipt: Sendable {
        /// One list for each submission, one result for each of its changes, in their order.
        public var results: [[ItemResult]]
        /// One for each space in which something was written.
        public var batches: [CommittedBatch]
    }

    /// Bytes of stored versions that one commit loads for its answers (``ItemResult/stored``), by
    /// ``LogEntry/encodedBytesEstimate``; it ends with the version that passes this. 8 MiB, what one answer carries: all
    /// that a push of thousands of stale items finds stored would be gigabytes, held inside the transaction.
    static let storedBytesMax = 8 << 20

    /// Units of ``MergeWork`` that one commit spends: about a second, at 60 ns each, in which nobody else's pushes are written. Items
    /// of merged kinds that come after are ``ItemResult/Decision/overloaded``. It also bounds the histories that a
    /// commit holds, to eight times as many bytes.
    ///
    /// The spaces of a commit have equal shares of what those before them left: nobody spends what is another user's.
    /// As long as a share is not used up an item is begun, whatever it costs (``VersionFold`` bounds that): the first
    /// merged item of a space that is alone always goes through.
    public static let mergeWorkMax = 16 << 20

    /// Names the body of a merged version, as a device names one that it pushes.
    public typealias ContentHash = @Sendable (ArraySlice<UInt8>) -> Identifier

    public let store: any Store
    private let contentHash: ContentHash?
    private let mergeWorkMax: Int

    /// The policies are the store's: each commit reads them in its transaction.
    ///
    /// - Parameter contentHash: the protocol's default hash of a body, SHA-256 in lower-case hexadecimal. Without one
    ///   nothing is composed: concurrent versions of a kind that is to be merged stand beside each other.
    public init(store: any Store, contentHash: ContentHash? = nil, mergeWorkMax: Int = Journal.mergeWorkMax) {
        self.store = store
        self.mergeWorkMax = mergeWorkMax
        self.contentHash = contentHash
    }

    /// Commits `submissions` in their order. When it returns, what it reports as accepted is durable.
    ///
    /// - Parameter now: wall time, the least position to be allocated.
    public func commit(_ submissions: [Submission], now: Position) throws(StoreError) -> Receipt {
        // Spaces are locked in one order everywhere, so that two commits never wait for each other.
        let indicesBySpace = Dictionary(grouping: submissions.indices) { submissions[$0].space }
            .sorted { $0.key < $1.key }
        return try store.write { (transaction) throws(StoreError) -> Receipt in
            let touched = indicesBySpace.map { space, own in
                Journal.touched(own.map { submissions[$0] }, in: space)
            }
            try transaction.prepare(touched)
            let policies = try transaction.policies()
            let now = try transaction.time ?? now
            var receipt = Receipt(results: Array(repeating: [], count: submissions.count), batches: [])
            var storedBytes = 0
            var mergeWorkLeft = mergeWorkMax
            for (index, (space, own)) in indicesBySpace.enumerated() {
                var draft = try SpaceDraft(
                    space: space, touching: touched[index].names, now: now, transaction: transaction,
                    storedBytes: storedBytes, mergeWorkMax: mergeWorkLeft / (indicesBySpace.count - index),
                    contentHash: contentHash)
                for index in own {
                    receipt.results[index] = try draft.apply(submissions[index], policies: policies)
                }
                if let batch = try draft.append() { receipt.batches.append(batch) }
                storedBytes = draft.storedBytes
                mergeWorkLeft = max(mergeWorkLeft - draft.mergeWork.units, 0)
            }
            return receipt
        }
    }

    private static func touched(_ submissions: [Submission], in space: Identifier) -> TouchedRecords {
        var seen: Set<RecordName> = []
        var touched = TouchedRecords(space: space, names: [])
        for submission in submissions {
            if let key = submission.answerKey {
                touched.requests.append(KeptRequest(key: key, device: submission.author))
            }
            for change in submission.changes where seen.insert(change.name).inserted {
                touched.names.append(change.name)
            }
        }
        return touched
    }
}
