public import Causality

/// A stored version of a record, named by its clock.
public struct VersionName: Sendable, Equatable {
    public var clock: VectorClock
    /// Tells two versions of one clock apart: of a cloned device.
    public var hash: Identifier?

    public init(clock: VectorClock, hash: Identifier? = nil) {
        self.clock = clock
        self.hash = hash
    }
}

/// How a change of a resolve stands to the versions that it settles: all that it names are looked up where the change
/// is decided on, so that nobody settles what somebody else has settled meanwhile.
public struct Settlement: Sendable, Equatable {
    /// The version whose content is written again; nil where the change brings its own. It counts as superseded.
    public var keeps: VersionName?
    /// Whether the namespace is that of the stored head: the change names none.
    public var inheritsNamespace: Bool

    public init(keeps: VersionName? = nil, inheritsNamespace: Bool = false) {
        self.keeps = keeps
        self.inheritsNamespace = inheritsNamespace
    }
}

extension SpaceDraft {
    /// The change of a resolve with its content and a clock that comes after all that it names; nil where it names what
    /// is not stored.
    func named(_ change: Change, _ settlement: Settlement, replica: Identifier) throws(StoreError) -> Change? {
        guard let record = records[change.name] else { return nil }
        let versions = [record.head] + record.siblings
        guard change.supersedes.allSatisfy({ clock in versions.contains { $0.change.clock == clock } }) else {
            return nil
        }
        var named = change
        if let name = settlement.keeps {
            let matches = versions.filter {
                $0.change.clock == name.clock && (name.hash == nil || $0.change.hash == name.hash)
            }
            guard let match = matches.first, matches.count == 1 || name.hash != nil else { return nil }
            named = (try storedContent(match.position) ?? match).change
            named.supersedes = change.supersedes
            named.visibility = change.visibility
            named.clock = name.clock
        } else if settlement.inheritsNamespace {
            named.namespace = record.head.change.namespace
        }
        // An edit of its own, counted: two that settle the same must not come to one clock.
        named.clock = change.supersedes.reduce(named.clock) { $0.merged(with: $1) }.incremented(replica)
        return named
    }

    mutating func unknownVersion(_ name: RecordName) throws(StoreError) -> ItemResult {
        let head = records[name]?.head
        return ItemResult(
            decision: .unknownVersion, clock: head?.change.clock ?? VectorClock(), position: nil,
            stored: try answered(head))
    }
}
