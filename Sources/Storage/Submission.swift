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
    /// The user who pushes, and what they are to the space.
    public var user: Identifier
    public var standing: Standing
    /// Live records that the space may hold after this submission; nil for as many as there is room for. A change that
    /// would make one more is ``ItemResult/Decision/recordLimit``.
    public var recordsMax: Int?
    /// Where the changes' clocks come from.
    public var basis: ClockBasis
    /// What each change expects of the stored record, one for each; empty: nothing.
    public var expectations: [Expectation]
    /// Set where the same request may come again and is to be answered as it was: for pushes over REST.
    public var answerKey: AnswerKey?

    public init(
        space: Identifier, author: Identifier, replica: Identifier, changes: [Change], isAtomic: Bool = false,
        isForced: Bool = false, settlements: [Settlement] = [], answerKey: AnswerKey? = nil,
        user: Identifier = "", standing: Standing = .owner, recordsMax: Int? = nil, basis: ClockBasis = .given,
        expectations: [Expectation] = []
    ) {
        self.user = user
        self.standing = standing
        self.recordsMax = recordsMax
        self.basis = basis
        self.expectations = expectations
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

/// What a writer is to the space that is written to.
public enum Standing: Sendable, Equatable {
    /// It is the user's own space.
    case owner
    /// It is the space of a team that the user is in: new records are the user's own, others' by ``Visibility``.
    case member
    /// It is the space of somebody who is in a team with the user: only what is there and ``Visibility/teamWrite``.
    case guest
}

/// Where the clocks of a submission's changes come from. Writers that keep no clocks are given theirs where order is
/// decided, so that two of them never make one of the same.
public enum ClockBasis: Sendable, Equatable {
    /// From the writer.
    case given
    /// The writer has read the log up to this position, and its own writes: its change comes after a head that is not
    /// beyond, and ends the siblings that are not; else it is concurrent. The same content as its own head is a
    /// duplicate.
    case seen(upTo: Position)
    /// The change comes after whatever is stored: a request that says "write this now".
    case latest
}

/// What a change expects of the stored record.
public enum Expectation: Sendable, Equatable {
    case nothing
    /// That it is there and not deleted; else ``ItemResult/Decision/unexpected``.
    case live
    /// That it is not deleted, if it is there; else ``ItemResult/Decision/unexpected``.
    case notDeleted
    /// That it is not there, or deleted; else ``ItemResult/Decision/unexpected``.
    case absent
    /// That nobody has written it beyond this position, the same author neither, unless it is as the change would have
    /// it; and with `notDeleted` what that says. Else ``ItemResult/Decision/unexpected``. For writers that share one
    /// author and so cannot be told apart.
    case unmoved(since: Position, notDeleted: Bool)
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
        /// The writer may not write this record (``Visibility``); nothing was written, and nothing is told of it.
        case forbidden
        /// The space holds as many live records as it may; nothing was written.
        case recordLimit
        /// The stored record is not as the change expects it (``Expectation``); nothing was written.
        case unexpected
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
