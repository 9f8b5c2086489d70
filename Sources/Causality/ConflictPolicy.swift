/// How a kind's concurrent edits are settled.
public enum ConflictPolicy: Sendable, Equatable {
    /// Both are kept; a person or a program resolves them.
    case manual
    /// The later one by ``Resolver/isLater(_:than:)`` becomes the head.
    case lastWriterWins
    /// JSON objects are merged field by field against their common ancestor; see ``MergeResolver``.
    case merge(MergeRule)

    /// What people and files call it: `manual`, `lww` or `merge`.
    public var name: String {
        switch self {
        case .manual: "manual"
        case .lastWriterWins: "lww"
        case .merge: "merge"
        }
    }

    /// The policy of that name, ``merge(_:)`` with `rule`; nil where there is none.
    public init?(named name: String, rule: MergeRule = .plain) {
        switch name {
        case "manual": self = .manual
        case "lww": self = .lastWriterWins
        case "merge": self = .merge(rule)
        default: return nil
        }
    }
}

/// How the fields of a kind's bodies are merged.
///
/// A field that is not declared is a ``FieldKind/text``, unless its base and both sides are objects: then its own
/// fields are merged. So nothing that was not declared is ever overwritten.
public struct MergeRule: Sendable, Equatable {
    public enum FieldKind: String, Sendable, CaseIterable {
        /// An array whose elements stand for themselves: additions and removals of both sides are kept.
        case set
        /// A whole number within ±2^53: what both sides added is added.
        case counter
        /// Of two new values, that of the later writer.
        case scalar
        /// Two new values are a conflict.
        case text
    }

    public struct Field: Sendable, Equatable {
        public let path: FieldPath
        public let kind: FieldKind

        public init(_ path: FieldPath, _ kind: FieldKind) {
            self.path = path
            self.kind = kind
        }
    }

    /// Most fields of one rule: more than that is a schema, and a row of text that every commit's cache holds.
    public static let fieldsMax = 64
    /// The rule that declares nothing: every field that both sides changed is a conflict.
    public static let plain = MergeRule()

    /// In the order in which they were declared.
    public let fields: [Field]
    let tree: FieldTree

    private init() {
        fields = []
        tree = FieldTree()
    }

    public init(_ fields: [Field]) throws(MergeRuleError) {
        guard fields.count <= MergeRule.fieldsMax else { throw .tooManyFields(fields.count) }
        var tree = FieldTree()
        for field in fields { try tree.insert(field, at: field.path.names[...]) }
        self.fields = fields
        self.tree = tree
    }

    public static func == (left: MergeRule, right: MergeRule) -> Bool { left.fields == right.fields }
}

/// Why fields are no ``MergeRule``.
public enum MergeRuleError: Error, Equatable, Sendable {
    case tooManyFields(Int)
    case declaredTwice(FieldPath)
    /// One field lies within another that is declared as a whole.
    case within(FieldPath)

    public var sentence: String {
        switch self {
        case .tooManyFields(let count): "\(count) fields are declared, over the limit of \(MergeRule.fieldsMax)"
        case .declaredTwice(let path): "the field `\(path.text)` is declared twice"
        case .within(let path): "the field `\(path.text)` lies within another declared one, or around it"
        }
    }
}

/// Names a field of a body: a name, or names with a dot between for a field of an object in the body.
///
/// A dot or a backslash that belongs to a name is written with a backslash before it.
public struct FieldPath: Sendable, Hashable {
    /// Longest path, in UTF-8 bytes, as of a name.
    public static let bytesMax = Identifier.bytesMax

    /// As it was declared.
    public let text: String
    /// The names as UTF-8, outermost first. One or more, none empty.
    let names: [[UInt8]]

    /// nil where `text` is no path: a name is empty, or it is too long, or holds a control character.
    public init?(_ text: String) {
        guard text.utf8.count <= FieldPath.bytesMax else { return nil }
        var names: [[UInt8]] = [[]]
        var isEscaped = false
        for byte in text.utf8 {
            guard byte >= 0x20, byte != 0x7f else { return nil }
            if isEscaped {
                guard byte == UInt8(ascii: ".") || byte == UInt8(ascii: "\\") else { return nil }
                names[names.count - 1].append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: ".") {
                names.append([])
            } else {
                names[names.count - 1].append(byte)
            }
        }
        guard !isEscaped, names.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.text = text
        self.names = names
    }
}

/// The declared fields, looked up name by name.
struct FieldTree: Sendable {
    private(set) var kind: MergeRule.FieldKind?
    private(set) var children: [[UInt8]: FieldTree] = [:]
    /// Whether it is a counter or one lies in it: then two sides that say the same may have counted apart.
    private(set) var hasCounter = false

    mutating func insert(_ field: MergeRule.Field, at names: ArraySlice<[UInt8]>) throws(MergeRuleError) {
        if field.kind == .counter { hasCounter = true }
        guard let name = names.first else {
            guard kind == nil else { throw .declaredTwice(field.path) }
            guard children.isEmpty else { throw .within(field.path) }
            kind = field.kind
            return
        }
        guard kind == nil else { throw .within(field.path) }
        try children[name, default: FieldTree()].insert(field, at: names.dropFirst())
    }
}
