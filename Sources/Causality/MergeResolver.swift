/// Decides what becomes of an incoming change of a kind whose policy is ``ConflictPolicy/merge(_:)``.
///
/// Pure, as ``Resolver``. The head and the siblings that it arrives at depend on the set of the versions that came and
/// not on their order (``VersionFold``), as long as the history keeps within its bounds and nobody forces or counts
/// twice under one name. For that, versions that come late and are superseded already are kept in the history too:
/// they may be an ancestor of what is merged.
///
/// Versions outside the history, which stood as siblings before the kind was merged, share a clock with another
/// content, or were there when the history was collapsed, follow the rules of ``Resolver``.
public struct MergeResolver: Sendable {
    public let rule: MergeRule
    public let isForced: Bool
    public let replica: Identifier
    /// Names a composed body; without one nothing is composed, and concurrent versions stand beside each other.
    let contentHash: (@Sendable (ArraySlice<UInt8>) -> Identifier)?

    public init(
        rule: MergeRule, isForced: Bool, replica: Identifier,
        contentHash: (@Sendable (ArraySlice<UInt8>) -> Identifier)?
    ) {
        self.rule = rule
        self.isForced = isForced
        self.replica = replica
        self.contentHash = contentHash
    }

    /// - Parameters:
    ///   - record: its versions may be without contents.
    ///   - history: of the record; the stored head alone where there is none yet.
    ///   - work: what it cost is added.
    public func resolve(
        _ change: Change, against record: Record?, history: MergeHistory, work: inout MergeWork
    ) -> MergeOutcome {
        var written = change
        if written.writer != replica { written.writer = replica }
        let resolver = Resolver(policy: .manual, isForced: isForced, replica: replica)
        var incoming = resolver.naming(written)
        guard let record else {
            guard incoming.clock.isWithinLimits else { return refused(.clockLimit, .firstVersion) }
            var first = MergeHistory()
            first.add(incoming)
            let head = WrittenVersion(change: incoming, reason: .firstVersion, isIncoming: true)
            return .merged(
                MergeResolution(
                    verdict: .accepted, reason: .firstVersion, version: incoming, head: head, history: first))
        }
        let head = record.head.change
        let isHead = incoming.clock == head.clock && incoming.hasSameContent(as: head)
        let twin = history.changes.first { $0.clock == incoming.clock }
        if isForced {
            if incoming.hasSameContent(as: head), head.clock.dominates(incoming.clock) {
                let reason: Reason = isHead ? .sameVersion : .sameContent
                return .ordinary(Resolution(verdict: .duplicate, reason: reason, outcome: .nothing))
            }
            incoming = resolver.raised(incoming, over: head)
            return force(incoming, over: record, history, resolver)
        }
        // What the hub has decided on it decides on once: a push that comes again costs no merge.
        let sibling = record.siblings.first {
            $0.change.clock == incoming.clock && $0.change.hasSameContent(as: incoming)
        }
        if isHead || sibling != nil || twin?.hasSameContent(as: incoming) == true {
            var known = MergeResolution(verdict: .duplicate, reason: .sameVersion, version: incoming, history: history)
            if !isHead, let sibling {
                known.verdict = .conflict
                known.reason = sibling.reason
                known.standing = sibling.position
            }
            known.answersHead = !isHead
            return .merged(known)
        }
        let isEquivocation =
            twin != nil || incoming.clock == head.clock
            || record.siblings.contains { $0.change.clock == incoming.clock }
        if isEquivocation {
            return .ordinary(resolver.limited(resolver.beside(record, incoming, .equivocation)))
        }
        var grown = history
        grown.add(incoming)
        return settle(incoming, change.supersedes, record, grown, resolver, &work)
    }

    private func settle(
        _ incoming: Change, _ supersedes: [VectorClock], _ record: Record, _ history: MergeHistory,
        _ resolver: Resolver, _ work: inout MergeWork
    ) -> MergeOutcome {
        let result = result(of: history, incoming, &work)
        let head = result.head { contentHash?($0) ?? "" }
        let isIncluded = result.included.contains { $0.clock == incoming.clock }
        let isVerbatim = isIncluded && result.included.count == 1
        let exclusion = result.excluded.first { $0.version.clock == incoming.clock }

        var resolution = MergeResolution(verdict: .stale, reason: .older, version: incoming, history: history)
        if isIncluded {
            resolution.verdict = .accepted
            if !isVerbatim {
                resolution.reason = result.isOneContent ? .sameContent : .merged
            } else if incoming.clock.dominates(record.head.change.clock) {
                resolution.reason = supersedes.isEmpty ? .newer : .resolved
            } else {
                resolution.reason = result.excluded.first?.reason ?? .newer
            }
        } else if let exclusion {
            resolution.verdict = .conflict
            resolution.reason = exclusion.reason
        }
        if !isVerbatim { resolution.answersHead = true }

        if !head.isWritten(as: record.head.change) {
            let reason: Reason =
                isVerbatim || result.included.count > 1 && isIncluded
                ? resolution.reason : result.included.count > 1 ? .merged : result.excluded.first?.reason ?? .newer
            resolution.head = WrittenVersion(
                change: head, reason: reason, detail: result.detail, isIncoming: isVerbatim)
        }
        // Each sibling is compared with the head and all that is to stand beside it.
        work.countComparing(
            entries: (result.excluded.count + 1) * MergeResolver.entryCount(record.siblings.map(\.change)))
        place(result.excluded, beside: head, incoming, supersedes, record, history, resolver, &resolution)
        guard head.clock.isWithinLimits, incoming.clock.isWithinLimits else {
            return refused(.clockLimit, resolution.reason)
        }
        let siblingCount = record.siblings.count - resolution.ended.count + resolution.siblings.count
        guard siblingCount <= Record.siblingsMax || siblingCount <= record.siblings.count else {
            return refused(.siblingLimit, resolution.reason)
        }
        resolution.history.prune(head: head)
        return .merged(resolution)
    }

    private static func entryCount(_ versions: [Change]) -> Int { versions.reduce(0) { $0 + $1.clock.entries.count } }

    private func result(
        of history: MergeHistory, _ incoming: Change, _ work: inout MergeWork
    ) -> VersionFold.Result {
        let versions = history.changes
        let entryCount = MergeResolver.entryCount(versions)
        work.countComparing(entries: entryCount)
        // A device that had seen all of it: nearly every edit. Its version is the only candidate.
        if versions.allSatisfy({ incoming.clock.dominates($0.clock) }) {
            var only = incoming
            only.supersedes = []
            return VersionFold.Result(included: [only], body: only.body, isComposed: false)
        }
        // Each is compared with each.
        work.countComparing(entries: versions.count * entryCount)
        var fold = VersionFold(versions, rule: rule, isMerging: contentHash != nil)
        let result = fold.result()
        work.add(fold.mergedBytes)
        return result
    }

    /// Which siblings end and which are to be written, once `head` is the head and `excluded` stand beside it.
    private func place(
        _ excluded: [VersionFold.Exclusion], beside head: Change, _ incoming: Change, _ supersedes: [VectorClock],
        _ record: Record, _ history: MergeHistory, _ resolver: Resolver, _ resolution: inout MergeResolution
    ) {
        let standing = record.siblings.map(\.change)
        for (sibling, entry) in zip(standing, record.siblings) {
            let isMember = history.changes.contains { $0.clock == sibling.clock && $0.hasSameContent(as: sibling) }
            let isEnded: Bool
            if isMember {
                isEnded = !excluded.contains { $0.version.clock == sibling.clock }
            } else {
                var named = head
                named.supersedes = supersedes
                isEnded =
                    resolver.ends(sibling, named, over: record.head.change)
                    || excluded.contains { $0.version.clock.compare(sibling.clock) == .after }
            }
            if isEnded { resolution.ended.append(entry.position) }
        }
        for exclusion in excluded {
            let version = exclusion.version
            let isStanding = standing.contains { $0.clock == version.clock && $0.hasSameContent(as: version) }
            if isStanding { continue }
            resolution.siblings.append(
                WrittenVersion(
                    change: version, reason: exclusion.reason, detail: LogEntry.detail(exclusion.detail),
                    isIncoming: version.clock == incoming.clock))
        }
    }

    /// A forced version is the head whatever stands there. Siblings that it has not seen go on standing, outside of
    /// the history: were they merged, it would not be what was forced.
    private func force(
        _ winner: Change, over record: Record, _ history: MergeHistory, _ resolver: Resolver
    ) -> MergeOutcome {
        guard winner.clock.isWithinLimits else { return refused(.clockLimit, .forced) }
        let head = WrittenVersion(
            change: winner, reason: .forced, detail: Resolver.told(.forced, over: record.head.change),
            isIncoming: true)
        var resolution = MergeResolution(
            verdict: .accepted, reason: .forced, version: winner, head: head, history: history)
        resolution.ended = record.siblings.filter { resolver.ends($0.change, winner, over: record.head.change) }
            .map(\.position)
        resolution.history.add(winner)
        if history.changes.contains(where: { !winner.clock.dominates($0.clock) }) {
            resolution.history.collapse(to: winner)
        }
        resolution.history.prune(head: winner)
        return .merged(resolution)
    }

    private func refused(_ outcome: Outcome, _ reason: Reason) -> MergeOutcome {
        .ordinary(Resolution(verdict: .conflict, reason: reason, outcome: outcome))
    }
}

/// What a ``MergeResolver`` arrives at.
public enum MergeOutcome: Sendable, Equatable {
    /// Decided as under ``ConflictPolicy/manual``; the history stays as it is.
    case ordinary(Resolution)
    case merged(MergeResolution)
}

/// A version to be written, and why.
public struct WrittenVersion: Sendable, Equatable {
    /// Whole.
    public let change: Change
    public let reason: Reason
    public let detail: String
    /// Whether it is what was pushed, just as it was pushed.
    public let isIncoming: Bool

    init(change: Change, reason: Reason, detail: String = "", isIncoming: Bool) {
        self.change = change
        self.reason = reason
        self.detail = detail
        self.isIncoming = isIncoming
    }
}

/// A verdict of a merge, and everything that it writes.
public struct MergeResolution: Sendable, Equatable {
    public var verdict: Verdict
    public var reason: Reason
    /// The incoming version, under the clock that it has now.
    public let version: Change
    /// The new head; nil where the stored one stays.
    public var head: WrittenVersion?
    /// Siblings to be written.
    public var siblings: [WrittenVersion] = []
    /// The siblings at these positions end.
    public var ended: [Position] = []
    public var history: MergeHistory
    /// Whether the pusher is to be told the head, because it is not just what it pushed.
    public var answersHead = false
    /// Where what was pushed stands as a sibling already, with the reason that is to be told.
    public var standing: Position?

    init(
        verdict: Verdict, reason: Reason, version: Change, head: WrittenVersion? = nil, history: MergeHistory
    ) {
        self.verdict = verdict
        self.reason = reason
        self.version = version
        self.head = head
        self.history = history
    }
}

extension Change {
    /// Whether a stored version, maybe without its content, is this one.
    fileprivate func isWritten(as stored: Change) -> Bool {
        clock == stored.clock && hasSameContent(as: stored) && writer == stored.writer
            && updatedAt == stored.updatedAt && schemaVersion == stored.schemaVersion && namespace == stored.namespace
    }
}
