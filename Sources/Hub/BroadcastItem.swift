internal import Causality
internal import Storage
internal import Wire

/// A log entry, encoded, with what decides who gets it.
struct BroadcastItem: Sendable {
    let position: Position
    let author: Identifier
    let kind: Identifier
    let namespace: Identifier
    /// As ``LogEntry/owner``.
    let owner: Identifier
    let visibility: Visibility
    let wasShared: Bool
    let isSibling: Bool
    let isDeleted: Bool
    /// Whether there was no version of the record before it.
    let isFirst: Bool
    /// The entry as the JSON object that `changes` frames hold.
    let encoded: ArraySlice<UInt8>
    /// The same as it is told to whom it is hidden from (``LogEntry/asDeletion``); empty where that is nobody, or where
    /// they are told nothing.
    let deletion: ArraySlice<UInt8>

    init(
        position: Position, author: Identifier, kind: Identifier, namespace: Identifier, owner: Identifier = "",
        visibility: Visibility = .private, wasShared: Bool = false, isSibling: Bool = false, isDeleted: Bool = false,
        isFirst: Bool = false, encoded: ArraySlice<UInt8>, deletion: ArraySlice<UInt8> = []
    ) {
        self.position = position
        self.author = author
        self.kind = kind
        self.namespace = namespace
        self.owner = owner
        self.visibility = visibility
        self.wasShared = wasShared
        self.isSibling = isSibling
        self.isDeleted = isDeleted
        self.isFirst = isFirst
        self.encoded = encoded
        self.deletion = deletion
    }

    private init(_ entry: LogEntry, encoded: ArraySlice<UInt8>, deletion: ArraySlice<UInt8>) {
        self.init(
            position: entry.position, author: entry.author, kind: entry.change.kind, namespace: entry.change.namespace,
            owner: entry.owner, visibility: entry.change.visibility ?? .private, wasShared: entry.wasShared,
            isSibling: entry.isSibling, isDeleted: entry.change.isDeleted, isFirst: entry.reason == .firstVersion,
            encoded: encoded, deletion: deletion)
    }

    /// What `viewer` is told in place of the entry; nil where that is nothing.
    func shown(to viewer: Viewer) -> BroadcastItem? {
        switch viewer.sight(visibility, owner: owner, wasShared: wasShared, isSibling: isSibling) {
        case .whole: return self
        case .nothing: return nil
        case .deletion:
            guard !deletion.isEmpty else { return nil }
            return BroadcastItem(
                position: position, author: author, kind: kind, namespace: namespace, owner: owner,
                wasShared: true, isDeleted: true, encoded: deletion)
        }
    }

    /// Encodes `entries` into one piece of memory that all the items share.
    static func encode(_ entries: [LogEntry]) -> [BroadcastItem] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + $1.encodedBytesEstimate })
        // Of the entry, and of its deletion behind it.
        var ends: [(Int, Int)] = []
        ends.reserveCapacity(entries.count)
        for entry in entries {
            FrameEncoder.encodeEntry(entry, into: &bytes)
            let end = bytes.count
            if entry.wasShared, !entry.isSibling, (entry.change.visibility ?? .private) == .private {
                FrameEncoder.encodeEntry(entry.asDeletion, into: &bytes)
            }
            ends.append((end, bytes.count))
        }
        var start = 0
        return zip(entries, ends).map { entry, ends in
            defer { start = ends.1 }
            return BroadcastItem(entry, encoded: bytes[start..<ends.0], deletion: bytes[ends.0..<ends.1])
        }
    }
}
