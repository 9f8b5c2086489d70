/// What was taken back, in the order in which it was, of a ``MemoryStore``.
struct MemoryRevocations {
    /// The newest; the last one's number is `mark`.
    private var kept: [Revocation] = []
    private var mark: Int64 = 0

    mutating func add(_ revocation: Revocation) {
        mark += 1
        kept.append(revocation)
        // In strides, so that not every revocation moves all of them.
        if kept.count >= 2 * RevocationPage.countKept { kept.removeFirst(kept.count - RevocationPage.countKept) }
    }

    func page(after asked: Int64?) -> RevocationPage {
        guard let asked else { return RevocationPage(revocations: [], mark: mark) }
        let oldest = mark - Int64(kept.count)
        guard asked >= oldest, asked <= mark else {
            return RevocationPage(revocations: kept, mark: mark, isIncomplete: true)
        }
        return RevocationPage(revocations: Array(kept.suffix(Int(mark - asked))), mark: mark)
    }
}
