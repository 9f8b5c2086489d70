internal import Causality
internal import Reactor
internal import Storage
internal import WebSocket
internal import Wire

/// A stretch of a space's log, what one commit adds or others have added meanwhile, encoded once for every subscriber
/// on every shard.
///
/// `frames` are whole WebSocket frames for those who get everything, and ``frames(windowBits:of:by:)`` the same compressed;
/// event streams get theirs from ``Room``. Who
/// filters, or is an author of a part, gets frames composed from the entries' encoded bytes.
final class Broadcast: Sendable {
    let space: Identifier
    /// The life of the log that it is of.
    let generation: Generation
    let after: Position
    let upTo: Position
    /// What the log holds between `after` and `upTo` is not here: every subscriber reads it from there.
    let isGap: Bool
    /// May be empty: later writes have ended all that the stretch held.
    let items: [BroadcastItem]
    /// The devices that pushed a part of it.
    let authors: Set<Identifier>
    /// Whether everybody who hears of the space may see all of it.
    let isOpen: Bool
    let frames: SharedBytes
    /// Uptime in nanoseconds: right after the commit, or when another hub's was heard of.
    let bornAt = WallClock.uptime
    /// By window: made by the first shard that has a subscriber of it, for all shards.
    private let compressed = Guarded<[Int: SharedBytes]>([:])

    convenience init(_ batch: CommittedBatch, generation: Generation) {
        self.init(
            batch.space, after: batch.after, upTo: batch.upTo, items: BroadcastItem.encode(batch.entries),
            generation: generation)
    }

    init(
        _ space: Identifier, after: Position, upTo: Position, items: [BroadcastItem], generation: Generation
    ) {
        self.space = space
        self.generation = generation
        self.after = after
        self.upTo = upTo
        isGap = false
        self.items = items
        authors = Set(items.map(\.author))
        isOpen = items.allSatisfy { $0.visibility != .private }
        let chain = Chain(generation: generation, space: space)
        frames = SharedBytes(chain.frames(items[...], after: after, upTo: upTo, as: .webSocket))
    }

    init(gapIn space: Identifier, after: Position, upTo: Position, generation: Generation) {
        self.space = space
        self.generation = generation
        self.after = after
        self.upTo = upTo
        isGap = true
        items = []
        authors = []
        isOpen = false
        frames = SharedBytes([])
    }

    /// As ``frames``, compressed. Whoever asks meanwhile waits: it is for the same bytes.
    func frames(windowBits: Int, of chain: Chain, by deflate: SharedDeflate) -> SharedBytes {
        compressed.withLock { compressed in
            if let made = compressed[windowBits] { return made }
            let made = SharedBytes(
                chain.frames(
                    items[...], after: after, upTo: upTo, as: .deflated(windowBits: windowBits), with: deflate))
            compressed[windowBits] = made
            return made
        }
    }
}
