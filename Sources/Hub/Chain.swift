internal import Causality
internal import Storage
internal import WebSocket
internal import Wire

/// Writes a space's stretches of log as frames that chain: each one's `after` is the `up_to` of the one before.
struct Chain: Sendable {
    private let generation: Generation
    private let tag: UInt32
    /// The space as its readers are told it.
    let name: Identifier
    /// A frame of changes is cut after this many bytes of entries, so that it stays well under the message limit.
    private static let frameBytes = 1 << 20
    /// And after as many entries as a page may have.
    private static let frameEntries = WireLimits.standard.pageEntriesMax

    init(
        generation: Generation, space: Identifier,
        name: Identifier = Identifier(unchecked: CarillonProtocol.ownSpaceName)
    ) {
        self.generation = generation
        self.name = name
        tag = Cursor.spaceTag(of: space)
    }

    func cursor(_ position: Position) -> Cursor {
        Cursor(generation: generation, spaceTag: tag, position: position)
    }

    /// Frames that take a peer from `after` to `upTo`: runs of heads as `changes`, each sibling as a `conflict`, in
    /// order of position.
    ///
    /// - Parameter deflate: of the thread that asks, where `framing` compresses.
    func frames(
        _ items: ArraySlice<BroadcastItem>, after: Position, upTo: Position, as framing: Framing,
        with deflate: SharedDeflate? = nil
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        var from = after
        var rest = items
        while let first = rest.first {
            let count = first.isSibling ? 1 : Chain.headRun(rest)
            let run = rest.prefix(count)
            rest = rest.dropFirst(count)
            let to = rest.isEmpty ? upTo : (run.last?.position ?? upTo)
            append(run, isSibling: first.isSibling, after: from, upTo: to, as: framing, with: deflate, into: &bytes)
            from = to
        }
        return bytes
    }

    /// The frame that says: nothing for you between `after` and `upTo`.
    func advance(
        after: Position, upTo: Position, as framing: Framing, with deflate: SharedDeflate? = nil
    ) -> [UInt8] {
        var payload: [UInt8] = []
        FrameEncoder.synced(
            space: name, after: cursor(after), upTo: cursor(upTo), into: &payload)
        var bytes: [UInt8] = []
        framing.append(payload, type: "synced", upTo: cursor(upTo), with: deflate, into: &bytes)
        return bytes
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
        as framing: Framing, with deflate: SharedDeflate?, into bytes: inout [UInt8]
    ) {
        var payload: [UInt8] = []
        payload.reserveCapacity(items.reduce(FrameEncoder.changesOverheadBytesMax) { $0 + $1.encoded.count + 1 })
        if isSibling, let sibling = items.first {
            FrameEncoder.conflict(
                space: name, after: cursor(after), upTo: cursor(upTo), entry: sibling.encoded, headClock: nil,
                into: &payload)
        } else {
            FrameEncoder.changesPrefix(space: name, after: cursor(after), upTo: cursor(upTo), into: &payload)
            var isFirst = true
            for item in items {
                if !isFirst { FrameEncoder.changesSeparator(into: &payload) }
                isFirst = false
                payload.append(contentsOf: item.encoded)
            }
            FrameEncoder.changesSuffix(into: &payload)
        }
        framing.append(
            payload, type: isSibling ? "conflict" : "changes", upTo: cursor(upTo), with: deflate, into: &bytes)
    }
}
