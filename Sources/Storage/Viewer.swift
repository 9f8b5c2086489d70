public import Causality

/// Who reads a space: the one place that decides what of it they are told. Pulls, live frames, exports, listings and
/// comparisons ask it.
public struct Viewer: Sendable, Equatable {
    public let user: Identifier
    public let standing: Standing

    /// What is told of an entry.
    public enum Sight: Sendable {
        case whole
        /// That the record is deleted: it was visible once, and is no more.
        case deletion
        case nothing
    }

    /// The SHA-256 of nothing: a deletion that is told in place of a version says nothing of what is in it.
    public static let deletionHash: Identifier = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    public init(user: Identifier, standing: Standing) {
        self.user = user
        self.standing = standing
    }

    /// Whether nothing of the space is kept from them.
    public var seesAll: Bool { standing == .owner }

    /// - Parameter isSibling: of what is hidden, the head alone is told as a deletion: it ends the siblings.
    public func sight(_ visibility: Visibility, owner: Identifier, wasShared: Bool, isSibling: Bool = false) -> Sight {
        if seesAll || visibility != .private || (standing == .member && owner == user) { return .whole }
        return wasShared && !isSibling ? .deletion : .nothing
    }

    /// The entry as it is told; nil where it is not.
    public func shown(_ entry: LogEntry) -> LogEntry? {
        let visibility = entry.change.visibility ?? .private
        switch sight(visibility, owner: entry.owner, wasShared: entry.wasShared, isSibling: entry.isSibling) {
        case .whole: return entry
        case .deletion: return entry.asDeletion
        case .nothing: return nil
        }
    }

    /// The record as it is told; nil where it is not.
    public func shown(_ record: Record) -> Record? {
        guard !seesAll else { return record }
        return shown(record.head).map { Record(head: $0, siblings: record.siblings.compactMap(shown)) }
    }

    public func shown(_ entries: [LogEntry]) -> [LogEntry] {
        seesAll ? entries : entries.compactMap(shown)
    }

    /// The entry as it is told; nil where it is not.
    public func shown(_ entry: ManifestEntry) -> ManifestEntry? {
        switch sight(entry.visibility, owner: entry.owner, wasShared: entry.wasShared) {
        case .whole: return entry
        case .deletion:
            return ManifestEntry(
                name: entry.name, hash: Viewer.deletionHash, isDeleted: true, position: entry.position,
                visibility: .private, owner: entry.owner, wasShared: true)
        case .nothing: return nil
        }
    }
}

extension LogEntry {
    /// What is told of it to whom it is hidden from: its name and place, and its clock, so that devices see that it
    /// comes after what they hold.
    public var asDeletion: LogEntry {
        let told = Change(
            kind: change.kind, id: change.id, namespace: change.namespace, clock: change.clock,
            hash: Viewer.deletionHash, body: [], isDeleted: true, visibility: .private)
        return LogEntry(position: position, author: author, change: told, owner: owner, wasShared: true)
    }
}
