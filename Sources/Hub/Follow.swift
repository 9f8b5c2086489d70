internal import Causality
internal import Storage

/// How far one space has been announced to the subscribers on this hub.
///
///     told       the end of the last stretch that was posted to the shards; start before the first
///     announced  nobody live here stands before it, and everybody live here has or gets what is up to it; nil while
///                nobody is live. At least `told`
///     heard      the newest position that is said to exist; over `announced`: there is something to read
///     sought     what `heard` was when the stretch that is being read was asked for
///     held       commits that lie behind a stretch that is being read
struct Follow: Sendable {
    /// Where the subscribers are.
    var shards: Set<Int>
    private(set) var told = Position.start
    private(set) var announced: Position?
    private(set) var heard = Position.start
    private(set) var isReading = false
    private(set) var held: [Broadcast] = []
    /// The life of the log that this is about. A stretch of another one says nothing here.
    private(set) var generation: Generation
    /// Tells it from a follow of the same space that was here before, whose read may still be under way.
    let id: UInt64
    /// ``heard`` when the read that is under way began: what is said since is not for that read to deny.
    private var heardBefore = Position.start

    /// Commits that are held. Past it they are dropped and read with the stretch: a read takes milliseconds.
    static let heldMax = 16

    /// What the next read is to bring: what is over `after`, up to what is held.
    struct Stretch: Sendable, Equatable {
        let after: Position
        let upTo: Position
    }

    init(shard: Int, of generation: Generation, id: UInt64) {
        shards = [shard]
        self.generation = generation
        self.id = id
    }

    /// Whether a read is to begin, of which there is never more than one.
    private mutating func beginsReading() -> Bool {
        guard !isReading, let announced, heard > announced else { return false }
        isReading = true
        return true
    }

    /// A subscriber has read the log up to `position` and is live. Returns whether a read is to begin.
    mutating func wentLive(at position: Position) -> Bool {
        // What was posted since is in its shard's mail, or it stands behind it already.
        guard position >= told else { return false }
        announced = min(announced ?? position, position)
        return beginsReading()
    }

    /// Somebody says that the log goes up to `position`. Returns whether a read is to begin.
    mutating func hear(_ position: Position) -> Bool {
        heard = max(heard, position)
        return beginsReading()
    }

    enum Taken {
        /// It lies behind, or chains on; then it was posted.
        case done
        /// There is a gap before it, and a read is to begin or is under way.
        case gap(beginsReading: Bool)
    }

    /// A stretch of the log, from its commit.
    mutating func take(_ broadcast: Broadcast, post: (Broadcast) -> Void) -> Taken {
        guard broadcast.generation == generation else { return .done }
        heard = max(heard, broadcast.upTo)
        if let announced, broadcast.after > announced {
            if held.count < Follow.heldMax { hold(broadcast) }
            return .gap(beginsReading: beginsReading())
        }
        if broadcast.upTo > (announced ?? .start) { tell(broadcast, post: post) }
        return .done
    }

    /// What is to be read now; nil, and the read has ended, where there is nothing.
    mutating func nextStretch() -> Stretch? {
        guard let announced, heard > announced else {
            isReading = false
            return nil
        }
        heardBefore = heard
        return Stretch(after: announced, upTo: held.first.map(\.after) ?? .max)
    }

    /// The stretch was read. What is held behind it follows.
    mutating func takeRead(_ broadcast: Broadcast, post: (Broadcast) -> Void) {
        guard broadcast.generation == generation else { return }
        if heard <= heardBefore {
            // The store is what is true: what was heard of beyond it, before it was read, is not there. What came
            // while it was read may be, and is asked for next.
            if let first = held.first, first.after > broadcast.upTo { held = [] }
            if held.isEmpty { heard = broadcast.upTo }
        }
        if broadcast.upTo > (announced ?? .start) { tell(broadcast, post: post) }
    }

    /// The log begins anew as `generation`: nobody is live in its new life.
    mutating func forget(for generation: Generation) {
        guard generation != self.generation else { return }
        (told, announced, heard, held) = (.start, nil, .start, [])
        self.generation = generation
    }

    /// The read that is under way is given up.
    mutating func endReading() {
        isReading = false
    }

    private mutating func hold(_ broadcast: Broadcast) {
        let index = held.firstIndex { $0.after > broadcast.after } ?? held.count
        if index > 0, held[index - 1].after == broadcast.after { return }
        held.insert(broadcast, at: index)
    }

    private mutating func tell(_ broadcast: Broadcast, post: (Broadcast) -> Void) {
        post(broadcast)
        told = max(told, broadcast.upTo)
        announced = told
        while let first = held.first, first.after <= told {
            held.removeFirst()
            guard first.upTo > told else { continue }
            post(first)
            told = first.upTo
            announced = told
        }
    }
}
