internal import Causality
internal import Storage

/// Pushes into others' spaces, which may have waited for the store, or come from a session that has not heard yet that
/// its user left the team.
extension JournalLane {
    private struct Asked: Hashable {
        let user: Identifier
        let space: Identifier
    }

    /// Which of them are still let in, right before the commit.
    func admission(of pushes: [PendingPush]) throws(StoreError) -> (admitted: [PendingPush], refused: [PendingPush]) {
        guard pushes.contains(where: { $0.submission.standing != .owner }) else { return (pushes, []) }
        let authenticator = Authenticator(store: journal.store)
        var known: [Asked: Standing?] = [:]
        var admitted: [PendingPush] = []
        var refused: [PendingPush] = []
        for push in pushes {
            let submission = push.submission
            guard submission.standing != .owner else {
                admitted.append(push)
                continue
            }
            let asked = Asked(user: submission.user, space: submission.space)
            if known[asked] == nil {
                known.updateValue(try authenticator.standing(ofUser: asked.user, in: asked.space), forKey: asked)
            }
            if known[asked] == submission.standing { admitted.append(push) } else { refused.append(push) }
        }
        return (admitted, refused)
    }
}

extension PendingPush {
    /// Tells that nothing of it was written, and nothing else.
    func refuse() {
        answer(
            .success(
                submission.changes.map {
                    ItemResult(decision: .forbidden, clock: $0.clock, position: nil, stored: nil)
                }))
    }
}
