internal import Causality
internal import Reactor
internal import Storage
internal import Wire

/// What one commit adds to a space, encoded once for every subscriber on every shard.
///
/// `frames` are whole WebSocket frames for those who get everything; event streams get theirs from ``Room``. Who
/// filters, or is an author of a part, gets frames composed from the entries' encoded bytes.
final class Broadcast: Sendable {
    let space: Identifier
    let after: Position
    let upTo: Position
    /// Nobody knows what the log holds between `after` and `upTo`: every subscriber reads it from there.
    let isGap: Bool
    let items: [BroadcastItem]
    /// The devices that pushed a part of it.
    let authors: Set<Identifier>
    let frames: SharedBytes

    init(_ batch: CommittedBatch, generation: Generation) {
        space = batch.space
        after = batch.after
        upTo = batch.upTo
        isGap = batch.entries.isEmpty
        items = BroadcastItem.encode(batch.entries)
        authors = Set(batch.entries.map(\.author))
        let chain = Chain(generation: generation, space: batch.space)
        frames = SharedBytes(chain.frames(items[...], after: batch.after, upTo: batch.upTo, as: .webSocket))
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
