internal import Causality

/// Requests that come again are answered as they were.
extension SpaceDraft {
    mutating func apply(
        _ submission: Submission, policies: [Identifier: ConflictPolicy]
    ) throws(StoreError) -> [ItemResult] {
        guard let key = submission.answerKey else { return try settle(submission, policies: policies) }
        if let results = try keptResults(submission, key) { return results }
        let results = try settle(submission, policies: policies)
        // Whoever comes again for what was put off is to get it.
        guard !results.contains(where: { $0.decision == .overloaded }) else { return results }
        if let items = KeptAnswer.encode(results, to: submission.changes) {
            try transaction.keep(
                KeptAnswer(keptAt: now, items: items), to: key, of: submission.author, in: submission.space)
        }
        return results
    }

    private mutating func keptResults(
        _ submission: Submission, _ key: AnswerKey
    ) throws(StoreError) -> [ItemResult]? {
        guard let kept = try transaction.answer(to: key, of: submission.author, in: submission.space),
            !kept.isExpired(at: now), let items = kept.decode(for: submission.changes)
        else { return nil }
        var results: [ItemResult] = []
        results.reserveCapacity(items.count)
        for (item, change) in zip(items, submission.changes) {
            var result = item.result
            // Who lost the record meanwhile is told nothing of it any more.
            if item.hasStored, mayWrite(change.name, submission) {
                result.stored = try answered(records[change.name]?.head)
            }
            results.append(result)
        }
        return results
    }
}
