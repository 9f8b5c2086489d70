public import Causality

/// Where records, the log and the accounts live. Every implementation passes the suite in Tests/StoreConformance.
///
/// Calls block: they are made from journal lanes and other Dispatch queues, never from an event loop. All methods may
/// be called from any thread.
///
/// - Atomicity: everything that one ``write(_:)`` did is visible together or not at all, and a ``StoreError`` out of
///   it means that nothing was (``StoreError/outcomeUnknown(_:)`` excepted).
/// - Durability: when ``write(_:)`` returns, its effects survive the process and the machine.
/// - Order: writes to one space are serial. A reader that sees a position sees every earlier one of that space.
/// - Compaction: the log holds one entry for each head and each sibling; an ended version's entry is gone.
public protocol Store: Sendable {
    /// Random name of this log's life: new when the store is created or restored, so that a cursor from another life
    /// is told apart. It changes while the hub runs when the store is restored behind its back.
    var generation: Generation { get }

    /// How many journal lanes gain from writing at once. 1 where there is a single writer.
    var writersMax: Int { get }

    /// Whether a write may wait for a disk, a network or another process. One that does not is written to on the thread
    /// that has the push: a thread's wakeup costs more than the write. True unless the store says otherwise.
    var writesBlock: Bool { get }

    /// Runs `body` in one transaction and commits. Rolls back when it throws. `body` calls nothing but the transaction.
    func write<Value>(_ body: (any StoreTransaction) throws(StoreError) -> Value) throws(StoreError) -> Value

    /// The newest position of `space`: ``Position/start`` when nothing was ever written.
    func head(of space: Identifier) throws(StoreError) -> Position

    /// The newest positions of `spaces`; a space in which nothing was ever written is left out. For a hub that looks
    /// what other hubs have written: at most ``SpaceHeads/spacesMax`` at once.
    func heads(of spaces: [Identifier]) throws(StoreError) -> [Identifier: Position]

    /// The entries of `query.space` after `query.after`, in order of position, from one consistent cut.
    func page(_ query: PageQuery) throws(StoreError) -> LogPage

    /// Tells `body` all entries of the query from one consistent cut, in pieces of `query.limit` and `query.bytesMax`,
    /// in order of position; writers go on meanwhile. Returns the last position that was looked at, as
    /// ``LogPage/upTo`` of a page without more. A piece under filters may be empty.
    ///
    /// - Parameter body: must not call the store. What it throws ends the reading and is thrown on.
    func scan(_ query: PageQuery, _ body: ([LogEntry]) throws -> Void) throws -> Position

    /// The records of `names` in their order, nil where there is none; versions without contents, as
    /// ``StoreTransaction/records(_:in:)`` gives them.
    func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Record?]

    /// The record, or nil where there is none, or where `key` is of another space.
    func record(_ key: RecordKey) throws(StoreError) -> Record?

    /// The records of `query.space` in order of their names, from one consistent cut.
    func records(_ query: RecordQuery) throws(StoreError) -> RecordPage

    /// The heads of `query.space` in order of their names, without contents, from one consistent cut.
    func manifest(_ query: ManifestQuery) throws(StoreError) -> ManifestPage

    /// The policies of the kinds that have one; every other kind is ``ConflictPolicy/manual``.
    func policies() throws(StoreError) -> [Identifier: ConflictPolicy]

    /// Sets the policy of `kind` in all spaces, or clears it. Holds for every transaction that begins afterwards, also
    /// of another process on the same data.
    ///
    /// A kind that is no longer merged loses its history in the same transaction: were it merged again, versions that
    /// nobody added to it would be missing from it. Merged again, its heads are what is merged against.
    /// - Throws: ``StoreError/refused(_:)`` where it would be one more than ``StoredPolicy/policiesMax``.
    func setPolicy(_ policy: ConflictPolicy?, for kind: Identifier) throws(StoreError)

    /// What the hub tells of a space.
    func statistics(of space: Identifier) throws(StoreError) -> SpaceStatistics

    /// Users, keys and devices.
    var accounts: any AccountStore { get }

    /// Tells `body` everything, from one consistent cut, piece by piece in the order of ``KeptSequence``: the life,
    /// policies by kind, users by name with their keys (oldest first, then by prefix) and devices (oldest registration
    /// first, then by id), spaces by name with their entries by position and then their histories by record and number.
    /// All orders of names are by bytes. Writers go on meanwhile, and are not in it.
    ///
    /// - Parameter body: must not call the store. What it throws ends the reading and is thrown on.
    func readAll(_ body: (KeptItem) throws -> Void) throws

    /// Fills this store, which must be empty, with what another one was read out of. Positions, siblings, replicas,
    /// acknowledged cursors and the life come along, so that cursors stay valid.
    ///
    /// Commits in bounded chunks. Before the first one the store is marked as unfinished, and the last one takes the mark
    /// away: a fill that breaks off, by an error or the end of the process, leaves a store that says
    /// ``isUnfinished`` whenever it is opened.
    ///
    /// - Parameter next: gives one piece after the other, nil at the end. Must not call the store. What it throws ends
    ///   the fill and is thrown on.
    /// - Throws: ``StoreError/refused(_:)`` where the store is not empty, and where the pieces break the rules of
    ///   ``KeptSequence`` or a name stands twice: then the piece that `next` gave last is the bad one, or it is one of
    ///   the same chunk.
    func fill(_ next: () throws -> KeptItem?) throws

    /// Whether a ``fill(_:)`` began and did not come to its end. A hub does not serve such a store.
    var isUnfinished: Bool { get throws(StoreError) }

    /// Gives the log another life: whoever comes with a cursor of the old one is told to resync. For a store that was
    /// brought back to an earlier state.
    func renewGeneration() throws(StoreError)
}

extension Store {
    public var writesBlock: Bool { true }

    public func heads(of spaces: [Identifier]) throws(StoreError) -> [Identifier: Position] {
        var heads: [Identifier: Position] = [:]
        for space in spaces {
            let head = try head(of: space)
            if head > .start { heads[space] = head }
        }
        return heads
    }
}

/// Bounds of ``Store/heads(of:)``.
public enum SpaceHeads {
    /// Spaces of one call: some 40 KiB of names.
    public static let spacesMax = 1_000
}

/// What a commit is about to touch in one space.
public struct TouchedRecords: Sendable {
    public var space: Identifier
    /// Each name once.
    public var names: [RecordName]
    /// Requests that may have come before.
    public var requests: [KeptRequest]

    public init(space: Identifier, names: [RecordName], requests: [KeptRequest] = []) {
        self.space = space
        self.names = names
        self.requests = requests
    }
}

/// The operations inside a ``Store/write(_:)``. Not to be kept beyond it.
public protocol StoreTransaction {
    /// Told first, of all spaces in their order, and at most once: a store that is asked over a network locks and reads
    /// them all in one round trip. ``lockHead(of:)``, ``records(_:in:)`` and ``answer(to:of:in:)`` are then asked of
    /// nothing else than what is told here.
    func prepare(_ touched: [TouchedRecords]) throws(StoreError)

    /// The store's own time of day, read once the spaces are locked; nil where the caller's holds. Hubs on several
    /// machines then date by one clock.
    var time: Position? { get throws(StoreError) }

    /// The newest position of `space`, locked until the commit: nobody else allocates positions there meanwhile.
    func lockHead(of space: Identifier) throws(StoreError) -> Position

    /// The policies as of this transaction. Called once in every commit: a store keeps them at hand.
    func policies() throws(StoreError) -> [Identifier: ConflictPolicy]

    /// The versions that are kept to merge with, in order of their numbers, whole. Empty where there are none.
    func history(of name: RecordName, in space: Identifier) throws(StoreError) -> [HistoryVersion]

    /// Removes and adds versions that are kept to merge with. Not in the log: no position moves.
    ///
    /// - Precondition: no added number is one that stays.
    func revise(_ edits: [HistoryEdit], in space: Identifier) throws(StoreError)

    /// The stored records of `names`, in their order, nil where there is none. Their versions may be without content:
    /// with an empty body, no embedding, a plain reason and no detail. A push of thousands of records would load
    /// gigabytes, and deciding needs none of it. Call after ``lockHead(of:)``.
    func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Record?]

    /// How many records of `space` are live. Asked only where a submission has a ``Submission/recordsMax``. Call after
    /// ``lockHead(of:)``.
    func liveCount(of space: Identifier) throws(StoreError) -> Int

    /// The whole entry at `position`, nil where there is none.
    func entry(at position: Position, in space: Identifier) throws(StoreError) -> LogEntry?

    /// The answer that is kept for a push of `device`, however old it is; nil where there is none.
    func answer(to key: AnswerKey, of device: Identifier, in space: Identifier) throws(StoreError) -> KeptAnswer?

    /// Keeps an answer in place of an earlier one of the same key, and removes what is over the bounds of
    /// ``KeptAnswer`` for this device. Call after ``lockHead(of:)``.
    func keep(
        _ answer: KeptAnswer, to key: AnswerKey, of device: Identifier, in space: Identifier
    ) throws(StoreError)

    /// Removes the entries at `ended`, adds `added`, and moves the head of `space` to `head`.
    ///
    /// - Precondition: every added position is over the locked head and not over `head`; there is at most one head per
    ///   record once the ended ones are gone.
    func append(
        _ added: [LogEntry], ending ended: [Position], in space: Identifier, head: Position
    ) throws(StoreError)
}

extension StoreTransaction {
    public func prepare(_ touched: [TouchedRecords]) throws(StoreError) {}

    public var time: Position? { get throws(StoreError) { nil } }
}

/// A random 64-bit name of a log's life.
public struct Generation: Hashable, Sendable {
    public let value: UInt64

    public init(_ value: UInt64) {
        self.value = value
    }
}

/// Which entries to read.
public struct PageQuery: Sendable {
    public var space: Identifier
    /// Entries at this position and before are left out.
    public var after: Position
    /// Entries beyond this position are left out: a paged read that must stop at a cut.
    public var upTo: Position
    /// Most entries. 1 or more.
    public var limit: Int
    /// Stops after the entry with which the sum of their sizes in a frame passes this number of bytes. The sizes are
    /// estimates (``LogEntry/encodedBytesEstimate``), which stores make from what they know of an entry unread.
    public var bytesMax: Int
    /// Only these kinds; empty means all.
    public var kinds: [Identifier]
    /// Only these namespaces; empty means all.
    public var namespaces: [Identifier]
    /// Entries of this author are left out: a device is not told its own changes.
    public var excludedAuthor: Identifier?

    public init(
        space: Identifier, after: Position, upTo: Position = .max, limit: Int = 1_000, bytesMax: Int = 4 << 20,
        kinds: [Identifier] = [], namespaces: [Identifier] = [], excludedAuthor: Identifier? = nil
    ) {
        self.space = space
        self.after = after
        self.upTo = upTo
        self.limit = limit
        self.bytesMax = bytesMax
        self.kinds = kinds
        self.namespaces = namespaces
        self.excludedAuthor = excludedAuthor
    }
}

/// A stretch of a space's log.
public struct LogPage: Sendable {
    public var entries: [LogEntry]
    /// Everything that the query asks for up to here is in `entries`: the last position that was looked at when there
    /// is more, else the smaller of the space's head and the query's `upTo` (never less than `after`).
    public var upTo: Position
    /// Whether to read on from `upTo`. A page under filters may be empty and still have more: one call looks at no
    /// more than ``PageScan/scannedMax`` entries.
    public var hasMore: Bool

    public init(entries: [LogEntry], upTo: Position, hasMore: Bool) {
        self.entries = entries
        self.upTo = upTo
        self.hasMore = hasMore
    }
}

/// Counts of one space.
public struct SpaceStatistics: Sendable, Equatable {
    public var head: Position
    /// Live records, deletions left out.
    public var recordCount: Int
    public var deletedCount: Int
    public var siblingCount: Int

    public init(head: Position, recordCount: Int, deletedCount: Int, siblingCount: Int) {
        self.head = head
        self.recordCount = recordCount
        self.deletedCount = deletedCount
        self.siblingCount = siblingCount
    }
}

/// What can go wrong in a store.
public enum StoreError: Error, Sendable, Equatable {
    /// The disk or the quota is full. Nothing was written; reads go on.
    case full(String)
    /// The store cannot be reached or is locked by somebody else just now; the same call may succeed later.
    case unavailable(String)
    /// The store's server lets us in no more, or not yet: a wrong password, TLS that one side wants and the other has
    /// not, a database that is not there. A person has to do something; the same call may succeed then.
    case denied(String)
    /// The commit's answer was lost: it may be durable. Read the log before telling anybody anything.
    case outcomeUnknown(String)
    /// The files or tables are damaged or not ours.
    case corrupt(String)
    /// The schema is newer than this program knows.
    case newerSchema(found: Int, supported: Int)
    /// A name that must be unique is taken, or one that must exist does not: users, keys, devices.
    case refused(String)
    /// The user has as many as their tier allows.
    case limitReached(String)

    /// Whether the same call may succeed later.
    public var isRetryable: Bool {
        switch self {
        case .full, .unavailable, .denied, .outcomeUnknown: true
        case .corrupt, .newerSchema, .refused, .limitReached: false
        }
    }
}
