internal import Causality
internal import Storage
internal import Wire

/// Takes a decoded push to its lane and puts the answer together: a verdict per item, in the push's order.
struct PushDesk: Sendable {
    let core: HubCore
    /// Who pushes, for the log.
    var asker: PeerName?
    /// The shard on whose thread the push is taken; nil on another thread.
    var shard: Int?
    /// Bytes of stored versions that one answer carries at most; past it `stored` is left out and the device reads
    /// the record. Half of the largest frame.
    private static let storedBytesMax = 8 << 20

    /// A push, and what comes with one over REST.
    struct Written {
        var push: Push
        /// Of a resolve, one for each change among the push's items.
        var settlements: [Settlement] = []
        /// Set where the same request is to be answered alike when it comes again.
        var answerKey: AnswerKey?

        init(_ push: Push, settlements: [Settlement] = [], answerKey: AnswerKey? = nil) {
            self.push = push
            self.settlements = settlements
            self.answerKey = answerKey
        }
    }

    /// `answer` is called once, on any thread.
    ///
    /// - Parameter messageBytes: of the message that the push came in; its bodies keep all of it in memory.
    func take(
        _ written: Written, messageBytes: Int, from user: User, _ device: Device, to access: SpaceAccess,
        answer: @escaping @Sendable (PushAnswer) -> Void
    ) {
        let push = written.push
        if core.isDraining {
            answer(.failed(ErrorFrame(code: .shuttingDown, pushID: push.id, isFatal: false)))
            return
        }
        let changes = push.items.compactMap { if case .change(let change) = $0 { change } else { nil } }
        guard !changes.isEmpty, !(push.isAtomic && push.hasRejections) else {
            answer(.pushed(PushDesk.untouched(push)))
            return
        }
        let submission = Submission(
            space: access.space, author: access.author(device.id), replica: device.replica, changes: changes,
            isAtomic: push.isAtomic, isForced: push.isForced, settlements: written.settlements,
            answerKey: written.answerKey, user: user.id, standing: access.viewer.standing,
            recordsMax: access.isOwn ? user.tier.recordsMax : nil)
        core.commit(submission, messageBytes: messageBytes, of: asker, from: shard) { outcome in
            switch outcome {
            case .success(let results): answer(.pushed(PushDesk.answer(to: push, results)))
            case .failure(let error):
                var frame = error.frame
                frame.pushID = push.id
                answer(.failed(frame))
            }
        }
    }

    /// The answer to a push of which nothing is submitted: no item has a form, or one of an atomic push has none.
    private static func untouched(_ push: Push) -> Pushed {
        Pushed(
            id: push.id,
            items: push.items.map { item in
                switch item {
                case .rejected(let rejection): PushedItem(rejection)
                case .change(let change):
                    PushedItem(
                        kind: change.kind.text, id: change.id.text, verdict: .rejected, error: .atomicAborted,
                        message: ErrorCode.atomicAborted.sentence)
                }
            })
    }

    private static func answer(to push: Push, _ results: [ItemResult]) -> Pushed {
        var rest = results[...]
        var storedBytes = 0
        var highest: Position?
        var items: [PushedItem] = []
        items.reserveCapacity(push.items.count)
        for item in push.items {
            switch item {
            case .rejected(let rejection): items.append(PushedItem(rejection))
            case .change(let change):
                guard var result = rest.popFirst() else { continue }
                if let stored = result.stored {
                    storedBytes += stored.change.encodedBytesEstimate
                    if storedBytes > storedBytesMax { result.stored = nil }
                }
                if let position = result.position { highest = max(highest ?? position, position) }
                items.append(PushedItem(change, result))
            }
        }
        return Pushed(id: push.id, items: items, position: highest)
    }
}
