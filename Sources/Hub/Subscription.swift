internal import Causality
internal import HTTP
internal import Reactor
internal import Storage
internal import WebSocket
internal import Wire

/// Which of a space's entries a peer is to hear.
struct Interest: Sendable {
    let access: SpaceAccess
    let kinds: [Identifier]
    let namespaces: [Identifier]
    /// Whose changes are left out; nil for a stream that names no device.
    /// As the log names it (``SpaceAccess/author(_:)``).
    let device: Identifier?
    /// Entries of its own up to here are sent to it all the same: it made them in an earlier life.
    let ownUpTo: Position

    var space: Identifier { access.space }

    var isFiltered: Bool { !kinds.isEmpty || !namespaces.isEmpty }

    func wants(_ item: BroadcastItem) -> Bool {
        (item.author != device || item.position <= ownUpTo)
            && (kinds.isEmpty || kinds.contains(item.kind))
            && (namespaces.isEmpty || namespaces.contains(item.namespace))
    }

    /// What the peer is told in place of the item; nil where that is nothing.
    func shown(_ item: BroadcastItem) -> BroadcastItem? {
        guard wants(item) else { return nil }
        return access.viewer.seesAll ? item : item.shown(to: access.viewer)
    }

    /// Whether an entry that its ``query(after:limit:bytesMax:)`` let through is its own all the same.
    func leavesOut(_ entry: LogEntry) -> Bool {
        entry.author == device && entry.position > ownUpTo
    }

    /// Reads what comes behind `seen`.
    func query(after seen: Position, limit: Int, bytesMax: Int) -> PageQuery {
        var query = PageQuery(space: space, after: seen, limit: limit, bytesMax: bytesMax)
        query.kinds = kinds
        query.namespaces = namespaces
        if ownUpTo <= seen { query.excludedAuthor = device }
        return query
    }
}

/// What a peer is to hear, and how far it is.
///
/// An object: a delivery moves it on in place, where a structure would be copied out and in with all that it refers to.
final class Subscription {
    enum State {
        /// Live frames reach it. A poll: it waits for one.
        case live
        /// A page of the log is being read for it.
        case reading
        /// Its outbox is full; it reads the log from `seen` when it has drained.
        case lagging
    }

    let id: ConnectionID
    let interest: Interest
    let framing: Framing
    let chain: Chain
    var state = State.reading
    /// Everything up to here was sent to it, or is not for it.
    var seen: Position
    /// The `up_to` of the last frame it was sent: its own idea of where it is. At most `seen`.
    var told: Position
    /// Loop time of the first read that failed, while none has succeeded since; and how many have failed.
    var failingSince: UInt64?
    var failureCount = 0

    init(
        _ id: ConnectionID, to interest: Interest, from start: Position, of generation: Generation,
        framing: Framing = .webSocket
    ) {
        self.id = id
        chain = Chain(generation: generation, space: interest.space, name: interest.access.name)
        self.interest = interest
        self.framing = framing
        seen = start
        told = start
    }

    var space: Identifier { interest.space }
}

/// The subscribers of one space on one shard.
final class Room {
    /// The life of the log that its subscribers are in.
    let generation: Generation
    /// Sockets and event streams.
    var members: [Subscription] = []
    /// Long polls.
    var polls: [ConnectionID] = []
    /// Sockets of dialects.
    var watchers: [ConnectionID] = []
    /// The newest position that was announced here.
    var latest = Position.start
    /// The events of the commit that is being delivered, made when the first stream of that framing is due.
    private var events: SharedBytes?
    private var chunkedEvents: SharedBytes?
    /// The same of those to whom the space has another name than to its owner.
    private var foreign: [(name: Identifier, framing: Framing, frames: SharedBytes)] = []

    init(of generation: Generation) {
        self.generation = generation
    }

    var isEmpty: Bool { members.isEmpty && polls.isEmpty && watchers.isEmpty }

    /// The whole of `broadcast` in `framing`, the same bytes for every subscriber of the shard.
    func frames(
        of broadcast: Broadcast, as framing: Framing, _ chain: Chain, by deflate: SharedDeflate
    ) -> SharedBytes {
        guard chain.name.text == CarillonProtocol.ownSpaceName else {
            if let made = foreign.first(where: { $0.framing == framing && $0.name == chain.name }) {
                return made.frames
            }
            let made = encode(broadcast, framing, chain, deflate)
            foreign.append((chain.name, framing, made))
            return made
        }
        switch framing {
        case .webSocket: return broadcast.frames
        case .deflated(let bits): return broadcast.frames(windowBits: bits, of: chain, by: deflate)
        case .events:
            let made = events ?? encode(broadcast, framing, chain, deflate)
            events = made
            return made
        case .chunkedEvents:
            let made = chunkedEvents ?? encode(broadcast, framing, chain, deflate)
            chunkedEvents = made
            return made
        }
    }

    /// The commit was delivered; its events live on in the outboxes only.
    func forgetFrames() {
        events = nil
        chunkedEvents = nil
        foreign = []
    }

    private func encode(
        _ broadcast: Broadcast, _ framing: Framing, _ chain: Chain, _ deflate: SharedDeflate
    ) -> SharedBytes {
        SharedBytes(
            chain.frames(
                broadcast.items[...], after: broadcast.after, upTo: broadcast.upTo, as: framing, with: deflate))
    }
}
