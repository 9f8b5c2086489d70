public import Causality

/// A policy as stores keep it. Part of every schema: a change here is a migration.
///
/// `name` is `manual`, `lww` or `merge`; `rule` has a line for each declared field of a merge: the kind of the field, a
/// space, and its path, which holds no line break.
public struct StoredPolicy: Sendable, Equatable {
    /// Most kinds with a policy: each commit has them all at hand.
    public static let policiesMax = 1_024

    public let name: String
    public let rule: String

    public init(name: String, rule: String) {
        self.name = name
        self.rule = rule
    }

    public init(_ policy: ConflictPolicy) {
        name = policy.name
        switch policy {
        case .manual, .lastWriterWins: rule = ""
        case .merge(let fields):
            rule = fields.fields.map { "\($0.kind.rawValue) \($0.path.text)" }.joined(separator: "\n")
        }
    }

    /// nil when it is not what ``init(_:)`` makes.
    public var policy: ConflictPolicy? {
        var fields: [MergeRule.Field] = []
        // By bytes: a space and a combining mark at the beginning of a path are one `Character`.
        for line in rule.utf8.split(separator: UInt8(ascii: "\n")) {
            let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let kind = MergeRule.FieldKind(rawValue: String(decoding: parts[0], as: UTF8.self)),
                let path = FieldPath(String(decoding: parts[1], as: UTF8.self))
            else { return nil }
            fields.append(MergeRule.Field(path, kind))
        }
        guard let rule = try? MergeRule(fields) else { return nil }
        return ConflictPolicy(named: name, rule: rule)
    }
}

/// What a commit does to the history of one record.
public struct HistoryEdit: Sendable, Equatable {
    public var name: RecordName
    /// Numbers of versions that go.
    public var removed: [Int64]
    public var added: [HistoryVersion]

    public init(name: RecordName, removed: [Int64], added: [HistoryVersion]) {
        self.name = name
        self.removed = removed
        self.added = added
    }
}
