internal import Causality
internal import Storage

/// A dialect's WebSocket on its shard: whom it belongs to, and how far it was told.
final class DialectWatch {
    let socket: DialectSocket
    /// As whom its user sees each of its spaces.
    let viewers: [Identifier: Viewer]
    /// The life of the log that its positions are of.
    let generation: Generation
    /// Everything up to here was told, or is not for it, by space.
    var seen: [Identifier: Position] = [:]
    /// Loop time of the last message to it.
    var toldAt: UInt64
    /// What it was not told because it reads too slowly: told in one when it has caught up. Nil: nothing.
    var owed: [DialectNotice]?
    /// Messages of the peer since `countedSince`, by loop time.
    var messageCount = 0
    var countedSince: UInt64

    init(_ opening: DialectOpening, now: UInt64) {
        socket = opening.socket
        generation = opening.generation
        viewers = opening.viewers
        toldAt = now
        countedSince = now
    }

    /// What it hears of a commit; nil where none of it is for it. An empty list: something, nobody knows what.
    func notices(of broadcast: Broadcast) -> [DialectNotice]? {
        let seen = seen[broadcast.space] ?? .start
        guard broadcast.upTo > seen else { return nil }
        self.seen[broadcast.space] = broadcast.upTo
        if broadcast.isGap { return [] }
        guard let viewer = viewers[broadcast.space] else { return nil }
        let notices = broadcast.items.compactMap { item -> DialectNotice? in
            guard item.position > seen,
                socket.kinds.isEmpty || socket.kinds.contains(item.kind),
                socket.namespaces.isEmpty || socket.namespaces.contains(item.namespace)
            else { return nil }
            return DialectNotice(item, in: broadcast.space, for: viewer)
        }
        return notices.isEmpty ? nil : notices
    }

    /// Keeps for later what there is no room for now. Past `countMax` it is kept as something that nobody knows.
    func owe(_ notices: [DialectNotice], countMax: Int) {
        guard let owed else {
            owed = notices.count <= countMax ? notices : []
            return
        }
        let isKnown = !owed.isEmpty && !notices.isEmpty && owed.count + notices.count <= countMax
        self.owed = isKnown ? owed + notices : []
    }
}

/// A socket of a dialect, good to be opened.
struct DialectOpening: Sendable {
    let socket: DialectSocket
    let viewers: [Identifier: Viewer]
    /// ``HubCore/removalCount`` before its key was looked up, and the log's life then.
    let removalCount: Int
    let generation: Generation
}

extension DialectNotice {
    /// Nil where the viewer is told nothing of it.
    init?(_ item: BroadcastItem, in space: Identifier, for viewer: Viewer) {
        guard let shown = item.shown(to: viewer) else { return nil }
        self.init(
            space: space, position: shown.position, author: shown.author, kind: shown.kind,
            namespace: shown.namespace, isFirstVersion: shown.isFirst, isDeleted: shown.isDeleted,
            isSibling: shown.isSibling)
    }
}
