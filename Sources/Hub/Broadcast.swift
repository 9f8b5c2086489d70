internal import Causality
internal import Reactor
internal import Storage
internal import WebSocket
internal import Wire

/// What one commit adds to a space, encoded once for every subscriber on every shard.
///
/// `frames` are whole WebSocket frames for those who get everything. Who filters, or is an author of a part, gets
/// frames composed from the entries' encoded bytes.
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
        items = batch.entries.map { BroadcastItem($0) }
        authors = Set(batch.entries.map(\.author))
        let chain = Chain(generation: generation, space: batch.space)
        frames = SharedBytes(chain.frames(items[...], after: batch.after, upTo: batch.upTo))
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
    let encoded: [UInt8]

    init(_ entry: LogEntry) {
        position = entry.position
        author = entry.author
        kind = entry.change.kind
        namespace = entry.change.namespace
        isSibling = entry.isSibling
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entry.change.body.count + 256)
        FrameEncoder.encodeEntry(entry, into: &bytes)
        encoded = bytes
    }
}

/// Writes a space's stretches of log as frames that chain: each one's `after` is the `up_to` of the one before.
struct Chain: Sendable {
    private let generation: Generation
    private let tag: UInt32
    /// A frame of changes is cut after this many bytes of entries, so that it stays well under the message limit.
    private static let frameBytes = 1 << 20
    /// And after as many entries as a page may have.
    private static let frameEntries = WireLimits.standard.pageEntriesMax

    init(generation: Generation, space: Identifier) {
        self.generation = generation
        tag = Cursor.spaceTag(of: space)
    }

    func cursor(_ position: Position) -> Cursor {
        Cursor(generation: generation, spaceTag: tag, position: position)
    }

    /// WebSocket frames that take a device from `after` to `upTo`: runs of heads as `changes`, each sibling as a
    /// `conflict`, in order of position.
    func frames(_ items: ArraySlice<BroadcastItem>, after: Position, upTo: Position) -> [UInt8] {
        var bytes: [UInt8] = []
        var from = after
        var rest = items
        while let first = rest.first {
            let count = first.isSibling ? 1 : Chain.headRun(rest)
            let run = rest.prefix(count)
            rest = rest.dropFirst(count)
            let to = rest.isEmpty ? upTo : (run.last?.position ?? upTo)
            append(run, isSibling: first.isSibling, after: from, upTo: to, into: &bytes)
            from = to
        }
        return bytes
    }

    /// The frame that says: nothing for you between `after` and `upTo`.
    func advance(after: Position, upTo: Position) -> [UInt8] {
        var payload: [UInt8] = []
        FrameEncoder.synced(
            space: Identifier(unchecked: CarillonProtocol.ownSpaceName), after: cursor(after),
            upTo: cursor(upTo), into: &payload)
        return FrameWriter.serverTextFrame(payload)
    }

    private static func headRun(_ items: ArraySlice<BroadcastItem>) -> Int {
        var count = 0
        var bytes = 0
        for item in items {
            if item.isSibling || count == frameEntries { break }
            if count > 0, bytes + item.encoded.count > frameBytes { break }
            count += 1
            bytes += item.encoded.count
        }
        return count
    }

    private func append(
        _ items: ArraySlice<BroadcastItem>, isSibling: Bool, after: Position, upTo: Position,
        into bytes: inout [UInt8]
    ) {
        let space = Identifier(unchecked: CarillonProtocol.ownSpaceName)
        var payload: [UInt8] = []
        payload.reserveCapacity(items.reduce(FrameEncoder.changesOverheadBytesMax) { $0 + $1.encoded.count + 1 })
        if isSibling, let sibling = items.first {
            FrameEncoder.conflict(
                space: space, after: cursor(after), upTo: cursor(upTo), entry: sibling.encoded, headClock: nil,
                into: &payload)
        } else {
            FrameEncoder.changesPrefix(space: space, after: cursor(after), upTo: cursor(upTo), into: &payload)
            var isFirst = true
            for item in items {
                if !isFirst { FrameEncoder.changesSeparator(into: &payload) }
                isFirst = false
                payload.append(contentsOf: item.encoded)
            }
            FrameEncoder.changesSuffix(into: &payload)
        }
        FrameWriter.append(opcode: .text, payload: payload, into: &bytes)
    }
}
