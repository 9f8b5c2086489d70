public import Causality

/// A push as it reaches the journal: checked for form, of one space, from one device.
public struct Submission: Sendable {
    public var space: Identifier
    /// The device, kept as the author of what it writes.
    public var author: Identifier
    public var replica: Identifier
    public var changes: [Change]
    /// All or nothing: unless every change is accepted or a duplicate, none is written.
    /// The items that stood in the way keep their own verdict, and not even a conflict among them is kept as a sibling.
    public var isAtomic: Bool
    public var isForced: Bool
    /// Of a resolve, one for each change; empty for a push.
    public var settlements: [Settlement]
    /// Set where the same request may come again and is to be answered as it was: for pushes over REST.
    public var answerKey: AnswerKey?

    public init(
        space: Identifier, author: Identifier, replica: Identifier, changes: [Change], isAtomic: Bool = false,
        isForced: Bool = false, settlements: [Settlement] = [], answerKey: AnswerKey? = nil
    ) {
        self.space = space
        self.author = author
        self.replica = replica
        self.changes = changes
        self.isAtomic = isAtomic
        self.isForced = isForced
        self.settlements = settlements
        self.answerKey = answerKey
    }
}

/// What became of one change of a submission.
public struct ItemResult: Sendable, Equatable {
    public enum Decision: Sendable, Equatable {
        case verdict(Verdict, Reason)
        /// The record has ``Record/siblingsMax`` unresolved siblings; nothing was kept.
        case siblingLimit
        /// The version's clock, merged with what it replaces or supersedes, would be over the limits of a clock;
        /// nothing was written.
        case clockLimit
        /// The resolve names, in what it supersedes or keeps, a version that is not stored (any more), or two of one
        /// clock without a hash; nothing was written.
        case unknownVersion
        /// The commit has merged as much as it may (``Journal/mergeWorkMax``); nothing was written. The same item may
        /// come again.
        case overloaded
        /// Another item of its atomic submission was not accepted; nothing of it was written.
        case atomicAborted
    }

    public var decision: Decision
    /// The stored clock after the decision: the hub's raise, if any, is told here.
    public var clock: VectorClock
    /// Where the log holds it, when something was written.
    public var position: Position?
    /// The stored head, on stale, conflict and refusals, but not on what is put off. Nil also where one commit
    /// answers with too much of it: past 8 MiB the device reads the record instead.
    public var stored: LogEntry?

    public init(decision: Decision, clock: VectorClock, position: Position?, stored: LogEntry?) {
        self.decision = decision
        self.clock = clock
        self.position = position
        self.stored = stored
    }
}

/// What one commit added to a space's log: `after` and `upTo` chain it to the commits before and behind it.
public struct CommittedBatch: Sendable {
    public var space: Identifier
    public var after: Position
    public var upTo: Position
    /// In order of position.
    public var entries: [LogEntry]

    public init(space: Identifier, after: Position, upTo: Position, entries: [LogEntry]) {
        self.space = space
        self.after = after
        self.upTo = upTo
        self.entries = entries
    }
}
