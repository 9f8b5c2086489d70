internal import Causality

/// Whose a record is and who else may see it, as it is to be written.
struct RecordAccess {
    let owner: Identifier
    let visibility: Visibility
    let wasShared: Bool
}

/// Who may write what, and what a change asks of the record and of the space.
extension SpaceDraft {
    /// Whether the writer may write the record. What is not there a guest may not make; nobody learns from the answer
    /// which of the two it was.
    func mayWrite(_ name: RecordName, _ submission: Submission) -> Bool {
        // Nearly always, and then without a look at the record.
        if submission.standing == .owner { return true }
        let head = records[name]?.head
        switch submission.standing {
        case .owner: return true
        case .member:
            guard let head else { return true }
            return head.owner == submission.user || head.change.visibility == .teamWrite
        case .guest: return head?.change.visibility == .teamWrite
        }
    }

    static func forbidden(_ change: Change) -> ItemResult {
        ItemResult(decision: .forbidden, clock: change.clock, position: nil, stored: nil)
    }

    /// Nil where the stored record is as the change expects it.
    mutating func unexpected(_ change: Change, at index: Int, of submission: Submission) throws(StoreError)
        -> ItemResult?
    {
        guard index < submission.expectations.count else { return nil }
        let head = records[change.name]?.head
        let isLive = head.map { !$0.change.isDeleted }
        let isMet =
            switch submission.expectations[index] {
            case .nothing: true
            case .live: isLive == true
            case .notDeleted: isLive != false
            case .absent: isLive != true
            case .unmoved(let seen, let notDeleted):
                head.map { $0.position <= seen ? isLive == true || !notDeleted : change.isAlready($0.change) } ?? true
            }
        guard !isMet else { return nil }
        return ItemResult(
            decision: .unexpected, clock: head?.change.clock ?? change.clock, position: nil,
            stored: try answered(head))
    }

    /// The change with what the hub knows of its writer: both set at once, so that it is copied once.
    func attributed(_ change: Change, over record: Record?, _ submission: Submission) -> Change {
        var change = change
        change.writer = submission.replica
        change.visibility = visibility(change.visibility, over: record, submission)
        return change
    }

    /// Only the owner's wish counts; without one the record keeps what it has.
    private func visibility(_ wish: Visibility?, over record: Record?, _ submission: Submission) -> Visibility {
        guard let record else { return wish ?? (submission.standing == .owner ? .private : .teamWrite) }
        let isOwner =
            submission.standing == .owner
            || (submission.standing == .member && record.head.owner == submission.user)
        return (isOwner ? wish : nil) ?? record.head.change.visibility ?? .private
    }

    func access(_ visibility: Visibility?, over record: Record?, _ submission: Submission) -> RecordAccess {
        let visibility = visibility ?? record?.head.change.visibility ?? .private
        return RecordAccess(
            owner: record?.head.owner ?? (submission.standing == .owner ? "" : submission.user),
            visibility: visibility, wasShared: visibility != .private || record?.head.wasShared == true)
    }

    /// Whether the space has room for what would be one live record more.
    mutating func hasRoom(for change: Change, over record: Record?, _ submission: Submission) throws(StoreError) -> Bool
    {
        guard let most = submission.recordsMax, !change.isDeleted, record?.head.change.isDeleted ?? true else {
            return true
        }
        return try liveCount() < most
    }

    static func recordLimit(_ change: Change) -> ItemResult {
        ItemResult(decision: .recordLimit, clock: change.clock, position: nil, stored: nil)
    }
}

extension Change {
    /// Whether the record is as this change would have it.
    fileprivate func isAlready(_ stored: Change) -> Bool {
        hasSameContent(as: stored) || (isDeleted && stored.isDeleted)
    }
}
