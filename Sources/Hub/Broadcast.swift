internal import Causality
internal import Reactor
internal import Storage
internal import Wire

/// A stretch of a space's log, what one commit adds or others have added meanwhile, encoded once for every subscriber
/// on every shard.
///
/// `frames` are whole WebSocket frames for those who get everything; event streams get theirs from ``Room``. Who
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
    let frames: SharedBytes

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
        frames = SharedBytes([])
    }
}

/// A log entry, encoded, with what decides who gets it.
struct BroadcastItem: Sendable {
    let position: Position
    let author: Identifier
    let kind: Identifier
    let namespace: Identifier
    let isSibling: Bool
    /// The entry as the JSON object that `changes` frames hold.
    let encoded: ArraySlice<UInt8>

    private init(_ entry: LogEntry, encoded: ArraySlice<UInt8>) {
        position = entry.position
        author = entry.author
        kind = entry.change.kind
        namespace = entry.change.namespace
        isSibling = entry.isSibling
        self.encoded = encoded
    }

    init(
        position: Position, author: Identifier, kind: Identifier, namespace: Identifier, isSibling: Bool,
        encoded: ArraySlice<UInt8>
    ) {
        self.position = position
        self.author = author
        self.kind = kind
        self.namespace = namespace
        self.isSibling = isSibling
        self.encoded = encoded
    }

    /// Encodes `entries` into one piece of memory that all the items share.
    static func encode(_ entries: [LogEntry]) -> [BroadcastItem] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + $1.encodedBytesEstimate })
        var ends: [Int] = []
        ends.reserveCapacity(entries.count)
        for entry in entries {
            FrameEncoder.encodeEntry(entry, into: &bytes)
            ends.append(bytes.count)
        }
        var start = 0
        return zip(entries, ends).map { entry, end in
            defer { start = end }
            return BroadcastItem(entry, encoded: bytes[start..<end])
        }
    }
}
