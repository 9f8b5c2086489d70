/// What a push item came to.
public enum Verdict: String, Sendable, CaseIterable {
    /// It is the record's head now.
    case accepted
    /// The hub had this very version: success, nothing was written.
    case duplicate
    /// Something newer is stored; the answer carries it.
    case stale
    /// It is concurrent with what is stored. It is kept as a sibling until somebody resolves the two.
    case conflict
}

/// Why a verdict was reached: for people who read logs and for devices that explain it to their users.
public enum Reason: String, Sendable, CaseIterable {
    case firstVersion = "first_version"
    case newer
    case sameVersion = "same_version"
    /// Equal clocks over different contents: a cloned or restored device counts twice under one name.
    case equivocation
    case older
    case sameContent = "same_content"
    case concurrent
    case lastWriterWins = "last_writer_wins"
    case forced
    case resolved
    /// The head was composed of concurrent versions, by the kind's merge rule.
    case merged
    /// One side was edited and the other deleted: never merged, the edit is the head.
    case editDelete = "edit_delete"
    /// To be merged, but the hub holds no version, or no agreed one, that both sides come from.
    case noAncestor = "no_ancestor"

    /// Whether it says no more than that one version followed another: left out where entries are told.
    public var isPlain: Bool {
        switch self {
        case .firstVersion, .newer, .sameVersion, .sameContent: true
        case .equivocation, .older, .concurrent, .lastWriterWins, .forced, .resolved, .merged, .editDelete,
            .noAncestor:
            false
        }
    }
}

/// What is to be written for an item.
public enum Outcome: Sendable, Equatable {
    case nothing
    /// `change` becomes the head; the siblings at these positions end.
    case head(Change, ending: [Position])
    /// `change` stands beside the head; the siblings at these positions end.
    case sibling(Change, ending: [Position])
    /// The record has ``Record/siblingsMax`` siblings.
    case siblingLimit
    /// The clock to be written, merged or raised, is over ``VectorClock/isWithinLimits``: no device could read it.
    case clockLimit
}

/// A verdict with its reason and what it writes.
public struct Resolution: Sendable, Equatable {
    public let verdict: Verdict
    public let reason: Reason
    public let outcome: Outcome
    /// The stored version whose content is written on, under the merged clock; nil where it is the incoming one's.
    public let keeps: Position?
    /// What there is to say of an automatic decision: what it cost whom. ``LogEntry/detail`` of what is written.
    public let detail: String

    public init(
        verdict: Verdict, reason: Reason, outcome: Outcome, keeps: Position? = nil, detail: String = ""
    ) {
        self.detail = detail
        self.verdict = verdict
        self.reason = reason
        self.outcome = outcome
        self.keeps = keeps
    }
}

/// Decides what becomes of an incoming change. Pure: the same inputs give the same resolution on every hub.
///
/// Bodies and embeddings are passed on and never looked at: the record may be one without them, and then
/// ``Resolution/keeps`` says whose are missing in what is to be written.
public struct Resolver: Sendable {
    public let policy: ConflictPolicy
    /// Whether the pusher wants its version to win whatever is stored.
    public let isForced: Bool
    /// The pusher's name in clocks, raised where a forced or resolving change must come after what it replaces.
    public let replica: Identifier

    public init(policy: ConflictPolicy, isForced: Bool, replica: Identifier) {
        self.policy = policy
        self.isForced = isForced
        self.replica = replica
    }

    public func resolve(_ change: Change, against record: Record?) -> Resolution {
        var written = change
        if written.writer != replica { written.writer = replica }
        return limited(settle(written, against: record))
    }

    /// `resolution`, unless the clock that it writes is over the limits.
    func limited(_ resolution: Resolution) -> Resolution {
        switch resolution.outcome {
        case .head(let written, _), .sibling(let written, _):
            guard !written.clock.isWithinLimits else { return resolution }
            return Resolution(verdict: .conflict, reason: resolution.reason, outcome: .clockLimit)
        case .nothing, .siblingLimit, .clockLimit:
            return resolution
        }
    }

    private func settle(_ change: Change, against record: Record?) -> Resolution {
        let incoming = naming(change)
        guard let record else {
            return Resolution(verdict: .accepted, reason: .firstVersion, outcome: .head(incoming, ending: []))
        }
        let head = record.head.change
        let isSame = incoming.hasSameContent(as: head)
        switch incoming.clock.compare(head.clock) {
        case .after:
            let reason: Reason = change.supersedes.isEmpty ? .newer : .resolved
            return accepted(incoming, over: record, reason)
        case .equal where isSame:
            return Resolution(verdict: .duplicate, reason: .sameVersion, outcome: .nothing)
        case .equal:
            if isForced { return forced(incoming, over: record) }
            return beside(record, incoming, .equivocation)
        case .before where isForced && isSame:
            // The answer to a forced push was lost and the push came again: its version is the head already.
            return Resolution(verdict: .duplicate, reason: .sameContent, outcome: .nothing)
        case .before:
            if isForced { return forced(incoming, over: record) }
            return Resolution(verdict: .stale, reason: .older, outcome: .nothing)
        case .concurrent where isSame:
            let keepsHead = !Resolver.isLater(incoming, than: head)
            return accepted(
                merged(incoming, head), over: record, .sameContent, keeps: keepsHead ? record.head.position : nil)
        case .concurrent:
            if isForced { return forced(incoming, over: record) }
            switch policy {
            case .manual: return beside(record, incoming, .concurrent)
            case .lastWriterWins: return lastWriter(incoming, against: record)
            // Merging needs contents and a history: MergeResolver. Without them both are kept.
            case .merge: return beside(record, incoming, .concurrent)
            }
        }
    }

    /// A total order over concurrent versions: the writers' time, then the writer's replica, then the content hash,
    /// then the deletion, then the clock's text; causality before all of it. Deterministic, so that concurrent edits
    /// end alike in every order of arrival.
    ///
    /// The replica is ``Change/writer``, not one that the clock names: the head's clock has the losers' entries merged
    /// into it, so it would say something else depending on who lost before. Needs writers whose time rises with their
    /// clock.
    public static func isLater(_ left: Change, than right: Change) -> Bool {
        switch left.clock.compare(right.clock) {
        case .after: return true
        case .before: return false
        case .equal, .concurrent: break
        }
        if left.updatedAt != right.updatedAt { return left.updatedAt > right.updatedAt }
        if left.writer != right.writer { return left.writer > right.writer }
        if left.hash != right.hash { return left.hash > right.hash }
        if left.isDeleted != right.isDeleted { return left.isDeleted }
        // Nothing of it is causality; without it two versions would each be no later than the other.
        return right.clock.isListedBefore(left.clock)
    }

    /// A change that names what it supersedes comes after all of it.
    func naming(_ change: Change) -> Change {
        guard !change.supersedes.isEmpty else { return change }
        var named = change
        named.clock = change.supersedes.reduce(change.clock) { $0.merged(with: $1) }
        if change.supersedes.contains(where: { named.clock.compare($0) != .after }) {
            named.clock = named.clock.incremented(replica)
        }
        return named
    }

    private func accepted(
        _ change: Change, over record: Record, _ reason: Reason, keeps: Position? = nil, detail: String = ""
    ) -> Resolution {
        let ended = record.siblings.filter { ends($0.change, change, over: record.head.change) }.map(\.position)
        return Resolution(
            verdict: .accepted, reason: reason, outcome: .head(change, ending: ended), keeps: keeps, detail: detail)
    }

    /// Whether `change` has seen `sibling` and so ends it. An equivocating sibling has a clock that the head beside it
    /// dominates already: every next edit of the head would seem to have seen it, so only one that names it has.
    func ends(_ sibling: Change, _ change: Change, over head: Change) -> Bool {
        guard change.clock.dominates(sibling.clock) else { return false }
        return isForced || !head.clock.dominates(sibling.clock) || change.supersedes.contains(sibling.clock)
    }

    private func forced(_ change: Change, over record: Record) -> Resolution {
        let head = record.head.change
        return accepted(raised(change, over: head), over: record, .forced, detail: Resolver.told(.forced, over: head))
    }

    /// `change` under a clock that comes after `head`.
    func raised(_ change: Change, over head: Change) -> Change {
        var winner = change
        winner.clock = change.clock.merged(with: head.clock)
        if winner.clock.compare(head.clock) != .after { winner.clock = winner.clock.incremented(replica) }
        return winner
    }

    /// The sentence that names the version that lost.
    static func told(_ reason: Reason, over loser: Change) -> String {
        let what = loser.isDeleted ? "the deletion" : "the version"
        let lost = "\(what) with hash \(loser.hash) by \(loser.writer), updated_at \(loser.updatedAt)"
        return LogEntry.detail(reason == .forced ? "Forced over \(lost)." : "Later than \(lost).")
    }

    /// The loser's clock is merged into the head in both cases: its writer is told, and its next edit comes after.
    private func lastWriter(_ change: Change, against record: Record) -> Resolution {
        let head = record.head.change
        let incomingWins = Resolver.isLater(change, than: head)
        var winner = incomingWins ? change : head
        winner.clock = change.clock.merged(with: head.clock)
        let written = accepted(winner, over: record, .lastWriterWins)
        return Resolution(
            verdict: incomingWins ? .accepted : .stale, reason: .lastWriterWins, outcome: written.outcome,
            keeps: incomingWins ? nil : record.head.position,
            detail: Resolver.told(.lastWriterWins, over: incomingWins ? head : change))
    }

    private func merged(_ change: Change, _ other: Change) -> Change {
        var both = Resolver.isLater(change, than: other) ? change : other
        both.clock = change.clock.merged(with: other.clock)
        return both
    }

    /// Keeps `change` beside the head, unless a sibling already says as much or more.
    func beside(_ record: Record, _ change: Change, _ reason: Reason) -> Resolution {
        var kept = change
        var keeps: Position?
        var ended: [Position] = []
        for sibling in record.siblings {
            let isSame = kept.hasSameContent(as: sibling.change)
            switch kept.clock.compare(sibling.change.clock) {
            case .equal where isSame:
                return Resolution(verdict: .conflict, reason: reason, outcome: .nothing)
            case .before:
                return Resolution(verdict: .stale, reason: .older, outcome: .nothing)
            case .after:
                ended.append(sibling.position)
            case .concurrent where isSame:
                if !Resolver.isLater(kept, than: sibling.change) { keeps = sibling.position }
                kept = merged(kept, sibling.change)
                ended.append(sibling.position)
            case .equal, .concurrent:
                continue
            }
        }
        guard record.siblings.count - ended.count < Record.siblingsMax else {
            return Resolution(verdict: .conflict, reason: reason, outcome: .siblingLimit)
        }
        return Resolution(verdict: .conflict, reason: reason, outcome: .sibling(kept, ending: ended), keeps: keeps)
    }
}
