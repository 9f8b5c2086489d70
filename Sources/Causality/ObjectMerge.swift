/// The three-way merge of one JSON object. Pure: same texts and rule, same bytes.
///
/// `left` is the later writer's. The result has its fields in its order, then what only `right` has, in its order;
/// what the merge does not touch keeps its bytes, and where nothing of `left` changes the result is `left`, white space
/// and all. A field that is absent counts as a value of its own, except in sets and counters.
struct ObjectMerge {
    typealias Value = JSONText.Value

    /// What was done to a field that is not simply as `left` has it.
    enum Action: String {
        /// Only `right` had changed it.
        case taken
        case united
        case counted
        /// Both had changed it and `left` is the later writer's.
        case kept
    }

    struct Note {
        let path: String
        let action: Action
    }

    /// Why there is no merged text.
    enum Failure: Error {
        /// Both sides changed a field and nothing says how to join them.
        case conflict(path: String)
        case tooMuchText
    }

    /// Most notes that are kept: they end in a sentence of 512 bytes.
    static let notesMax = 16

    private(set) var notes: [Note] = []
    /// Fields that were done something to, those beyond ``notesMax`` too.
    private(set) var noteCount = 0
    /// Bytes of the texts that were taken apart. An object within an object is taken apart once more, so a deep one
    /// counts at each of its levels.
    private(set) var readBytes = 0
    private let bytesMax: Int

    /// - Parameter bytesMax: most bytes to take apart.
    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// The merged text; nil where one of the three is no object, or has a name twice.
    mutating func merge(
        _ rule: MergeRule, base: Value, left: Value, right: Value
    ) throws(Failure) -> Value? {
        try count(base, left, right)
        guard let baseMembers = JSONText.members(of: base), let leftMembers = JSONText.members(of: left),
            let rightMembers = JSONText.members(of: right)
        else { return nil }
        return try object(rule.tree, baseMembers, leftMembers, rightMembers, left, at: [])
    }

    private mutating func object(
        _ tree: FieldTree, _ base: [JSONText.Member], _ left: [JSONText.Member], _ right: [JSONText.Member],
        _ leftText: Value, at path: [[UInt8]]
    ) throws(Failure) -> Value {
        let baseValues = ObjectMerge.byName(base)
        let rightValues = ObjectMerge.byName(right)
        let leftValues = ObjectMerge.byName(left)
        var out: [UInt8] = []
        out.reserveCapacity(leftText.count + 64)
        var isChanged = false
        var separator = UInt8(ascii: "{")
        func write(_ member: JSONText.Member, _ value: Value) {
            out.append(separator)
            out.append(contentsOf: member.nameText)
            out.append(UInt8(ascii: ":"))
            out.append(contentsOf: value)
            separator = UInt8(ascii: ",")
        }
        for member in left {
            let value = try field(
                tree.children[member.name], baseValues[member.name], member.value, rightValues[member.name],
                at: path + [member.name])
            if let value { write(member, value) }
            if value?.elementsEqual(member.value) != true { isChanged = true }
        }
        for member in right where leftValues[member.name] == nil {
            let value = try field(
                tree.children[member.name], baseValues[member.name], nil, member.value, at: path + [member.name])
            guard let value else { continue }
            write(member, value)
            isChanged = true
        }
        guard isChanged else { return leftText }
        if separator == UInt8(ascii: "{") { out.append(separator) }
        out.append(UInt8(ascii: "}"))
        return out[...]
    }

    private mutating func field(
        _ tree: FieldTree?, _ base: Value?, _ left: Value?, _ right: Value?, at path: [[UInt8]]
    ) throws(Failure) -> Value? {
        var values = Comparison(base: base, left: left, right: right)
        if values.isRightBase { return left }
        if values.isLeftBase {
            note(path, .taken)
            return right
        }
        let isSame = values.isLeftRight
        // Two sides that added as much have the same sum, and it is not the sum of both.
        if isSame, tree?.hasCounter != true { return left }
        switch tree?.kind {
        case .set:
            if let united = ObjectMerge.set(base, left, right) {
                note(path, .united)
                return united
            }
        case .counter:
            if let sum = ObjectMerge.counter(base, left, right) {
                note(path, .counted)
                return sum
            }
        case .scalar:
            note(path, .kept)
            return left
        case .text: break
        case nil:
            if path.count < JSONText.depthMax, let merged = try nested(tree, base, left, right, at: path) {
                return merged
            }
        }
        if isSame { return left }
        throw .conflict(path: ObjectMerge.text(path))
    }

    private mutating func count(_ base: Value?, _ left: Value, _ right: Value) throws(Failure) {
        let bytes = (base?.count ?? 0) + left.count + right.count
        guard bytes <= bytesMax - readBytes else { throw .tooMuchText }
        readBytes += bytes
    }

    /// Objects on both sides. Without a base object only declared fields may lie in them: two objects that were made
    /// apart are not one because both are objects.
    private mutating func nested(
        _ tree: FieldTree?, _ base: Value?, _ left: Value?, _ right: Value?, at path: [[UInt8]]
    ) throws(Failure) -> Value? {
        guard let left, let right, left.first == UInt8(ascii: "{"), right.first == UInt8(ascii: "{") else { return nil }
        try count(base, left, right)
        guard let leftMembers = JSONText.members(of: left), let rightMembers = JSONText.members(of: right) else {
            return nil
        }
        let baseMembers: [JSONText.Member]
        if let base {
            guard let members = JSONText.members(of: base) else { return nil }
            baseMembers = members
        } else {
            guard tree != nil else { return nil }
            baseMembers = []
        }
        return try object(tree ?? FieldTree(), baseMembers, leftMembers, rightMembers, left, at: path)
    }

    /// `left` without what `right` removed, then what `right` added. An element of the base that one side removed is
    /// gone, also where the other kept it; one that is not of the base was added by whoever has it, and stays: nobody
    /// can have removed what he never saw. nil where one is no array.
    private static func set(_ base: Value?, _ left: Value?, _ right: Value?) -> Value? {
        guard let baseList = elements(base), let leftList = elements(left), let rightList = elements(right) else {
            return nil
        }
        let before = Set(baseList.map(JSONText.key))
        let theirs = Set(rightList.map(JSONText.key))
        var seen: Set<Value> = []
        var out: [UInt8] = [UInt8(ascii: "[")]
        func write(_ element: Value, _ key: Value) {
            guard seen.insert(key).inserted else { return }
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            out.append(contentsOf: element)
        }
        for element in leftList {
            let key = JSONText.key(element)
            if !before.contains(key) || theirs.contains(key) { write(element, key) }
        }
        for element in rightList {
            let key = JSONText.key(element)
            if !before.contains(key) { write(element, key) }
        }
        out.append(UInt8(ascii: "]"))
        return out[...]
    }

    /// A set that is absent is empty.
    private static func elements(_ value: Value?) -> [Value]? {
        guard let value else { return [] }
        return JSONText.elements(of: value)
    }

    /// What both sides added to the base; nil where one is no whole number within ±2^53, or the sum is not. A counter
    /// that was never there is 0; one that a side removed is no counter.
    private static func counter(_ base: Value?, _ left: Value?, _ right: Value?) -> Value? {
        guard let left, let right, let mine = JSONText.integer(left), let theirs = JSONText.integer(right) else {
            return nil
        }
        var before: Int64 = 0
        if let base {
            guard let number = JSONText.integer(base) else { return nil }
            before = number
        }
        // Three numbers of 54 bits do not overflow 64.
        let sum = mine + theirs - before
        guard sum >= -JSONText.integerMax, sum <= JSONText.integerMax else { return nil }
        return Array(String(sum).utf8)[...]
    }

    private static func byName(_ members: [JSONText.Member]) -> [[UInt8]: Value] {
        Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first }
    }

    private mutating func note(_ path: [[UInt8]], _ action: Action) {
        noteCount += 1
        guard notes.count < ObjectMerge.notesMax else { return }
        notes.append(Note(path: ObjectMerge.text(path), action: action))
    }

    private static func text(_ path: [[UInt8]]) -> String {
        path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
    }
}

/// Three values compared by meaning, each brought into its canonical text once at most.
private struct Comparison {
    private let base: JSONText.Value?
    private let left: JSONText.Value?
    private let right: JSONText.Value?
    private lazy var baseText = base.map(JSONText.canonical)
    private lazy var leftText = left.map(JSONText.canonical)
    private lazy var rightText = right.map(JSONText.canonical)

    init(base: JSONText.Value?, left: JSONText.Value?, right: JSONText.Value?) {
        self.base = base
        self.left = left
        self.right = right
    }

    var isRightBase: Bool { mutating get { areSameBytes(right, base) ?? (rightText == baseText) } }
    var isLeftBase: Bool { mutating get { areSameBytes(left, base) ?? (leftText == baseText) } }
    var isLeftRight: Bool { mutating get { areSameBytes(left, right) ?? (leftText == rightText) } }

    /// Whether both are absent or of the same bytes; nil where only their meaning can tell.
    private func areSameBytes(_ one: JSONText.Value?, _ other: JSONText.Value?) -> Bool? {
        guard let one, let other else { return one == nil && other == nil }
        return one.elementsEqual(other) ? true : nil
    }
}
