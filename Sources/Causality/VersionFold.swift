/// What a set of versions comes to. A pure function of the set: the order in which they arrived is nowhere in it.
///
/// - The candidates are the versions that no other of the set has seen beyond (strictly dominates).
/// - They are folded from the highest rank down. Live ones rank over deletions; then a version ranks by everything that
///   it has seen, itself included: the list of those versions, latest first, by time, writer's replica, hash, deletion
///   and clock. So a version that came after another never ranks below it, whatever its own time says, and who was the
///   head stays it while nobody later comes.
/// - The first is taken as it is. Each next is merged into it against their common ancestor: what this very function
///   makes of the versions that both have seen (git's recursive strategy). One that cannot be merged is left out whole.
struct VersionFold {
    /// Most three-way merges of one fold and its ancestors': 31 concurrent versions of one ancestor need 30. What is
    /// over it stands as a sibling.
    static let mergesMax = 256
    /// Most bytes that go into them, three texts each and objects within objects once more (``ObjectMerge/readBytes``):
    /// under 100 ms at 20 to 40 MB a second. A full history of 32 flat concurrent versions takes half of it.
    static let mergedBytesMax = 2 << 20

    struct Exclusion {
        let version: Change
        let reason: Reason
        let detail: String
    }

    struct Result {
        /// Highest rank first. Never empty.
        var included: [Change]
        var body: ArraySlice<UInt8>
        /// Whether `body` was put together and is none of the versions' own.
        var isComposed: Bool
        var excluded: [Exclusion] = []
        var notes: [ObjectMerge.Note] = []
        var noteCount = 0

        var isDeleted: Bool { included[0].isDeleted }
    }

    /// Rising by ``precedes(_:_:)``: the number of a version is its bit in a set of them.
    private let versions: [Change]
    /// For each version those that it has seen, itself included. Compared as numbers they order versions by rank: the
    /// highest bit in which two sets differ is the latest version that only one has seen.
    private let seen: [UInt64]
    private let rule: MergeRule
    private let isMerging: Bool
    private var known: [UInt64: Result] = [:]
    private var mergesLeft = VersionFold.mergesMax
    private var bytesLeft = VersionFold.mergedBytesMax

    /// Bytes of the texts that were merged.
    var mergedBytes: Int { VersionFold.mergedBytesMax - bytesLeft }

    /// - Parameter isMerging: false leaves every concurrent version beside the first.
    /// - Precondition: 1 to 64 versions, no two of one clock.
    init(_ versions: [Change], rule: MergeRule, isMerging: Bool) {
        precondition((1...64).contains(versions.count))
        let sorted = versions.sorted(by: VersionFold.precedes)
        self.versions = sorted
        self.rule = rule
        self.isMerging = isMerging
        seen = sorted.map { version in
            var mask: UInt64 = 0
            for (index, other) in sorted.enumerated() where version.clock.dominates(other.clock) { mask |= 1 << index }
            return mask
        }
    }

    /// What all of them come to.
    mutating func result() -> Result {
        result(of: versions.count == 64 ? .max : (1 << UInt64(versions.count)) - 1)
    }

    /// - Parameter set: closed: with a version all that it has seen is in it.
    private mutating func result(of set: UInt64) -> Result {
        if let result = known[set] { return result }
        let candidates = candidates(of: set)
        let first = candidates[0]
        var result = Result(included: [versions[first]], body: versions[first].body, isComposed: false)
        var mask = seen[first]
        for candidate in candidates.dropFirst() {
            let version = versions[candidate]
            if let exclusion = join(version, common: mask & seen[candidate], into: &result) {
                result.excluded.append(exclusion)
            } else {
                result.included.append(version)
                mask |= seen[candidate]
            }
        }
        known[set] = result
        return result
    }

    private func candidates(of set: UInt64) -> [Int] {
        var covered: UInt64 = 0
        for index in versions.indices where set & (1 << index) != 0 { covered |= seen[index] & ~(1 << index) }
        return versions.indices.filter { (set & ~covered) & (1 << $0) != 0 }.sorted {
            if versions[$0].isDeleted != versions[$1].isDeleted { return versions[$1].isDeleted }
            return seen[$0] > seen[$1]
        }
    }

    /// Puts `version` into `result`, or says why it stays out.
    private mutating func join(_ version: Change, common: UInt64, into result: inout Result) -> Exclusion? {
        guard version.isDeleted == result.isDeleted else {
            return Exclusion(
                version: version, reason: .editDelete, detail: "It deletes what was edited at the same time.")
        }
        let isSame = !result.isComposed && version.hash == result.included[0].hash
        if version.isDeleted {
            if isSame || version.body.isEmpty && result.body.isEmpty { return nil }
            return Exclusion(version: version, reason: .concurrent, detail: "")
        }
        // Where nothing is counted, two of one content are one.
        if isSame, !rule.tree.hasCounter { return nil }
        guard let obstacle = merge(version, common: common, into: &result) else { return nil }
        return isSame ? nil : Exclusion(version: version, reason: obstacle.reason, detail: obstacle.detail)
    }

    /// What keeps two versions from being merged.
    private struct Obstacle {
        let reason: Reason
        let detail: String
    }

    private mutating func merge(_ version: Change, common: UInt64, into result: inout Result) -> Obstacle? {
        guard isMerging else { return Obstacle(reason: .concurrent, detail: "") }
        guard common != 0 else {
            return Obstacle(
                reason: .noAncestor, detail: "The hub holds no version that both it and the head come from.")
        }
        let tooMany = Obstacle(reason: .concurrent, detail: "There are too many versions to merge them all.")
        // Counted before the ancestor is made: that takes merges, too.
        guard mergesLeft > 0 else { return tooMany }
        mergesLeft -= 1
        let base = self.result(of: common)
        guard base.excluded.isEmpty, !base.isDeleted else {
            let what = base.isDeleted ? "a deletion" : "in conflict"
            return Obstacle(reason: .noAncestor, detail: "What both it and the head come from is \(what).")
        }
        var merge = ObjectMerge(bytesMax: bytesLeft)
        defer { bytesLeft -= merge.readBytes }
        do throws(ObjectMerge.Failure) {
            guard let merged = try merge.merge(rule, base: base.body, left: result.body, right: version.body) else {
                return Obstacle(reason: .concurrent, detail: "Not all of the bodies are objects.")
            }
            result.isComposed = result.isComposed || !merged.elementsEqual(result.body)
            result.body = merged
            result.notes += merge.notes.prefix(ObjectMerge.notesMax - min(result.notes.count, ObjectMerge.notesMax))
            result.noteCount += merge.noteCount
            return nil
        } catch {
            switch error {
            case .conflict(let path): return Obstacle(reason: .concurrent, detail: "Both sides changed `\(path)`.")
            case .tooMuchText: return tooMany
            }
        }
    }

    /// A total order over versions of different clocks, by what they say of themselves.
    private static func precedes(_ left: Change, _ right: Change) -> Bool {
        if left.updatedAt != right.updatedAt { return left.updatedAt < right.updatedAt }
        if left.writer != right.writer { return left.writer < right.writer }
        if left.hash != right.hash { return left.hash < right.hash }
        if left.isDeleted != right.isDeleted { return right.isDeleted }
        return left.clock.isListedBefore(right.clock)
    }
}

extension VersionFold.Result {
    /// Whether nothing had to be merged, because all are the same.
    var isOneContent: Bool { !isComposed && included.allSatisfy { $0.hash == included[0].hash } }

    /// The version that stands for all that are included.
    func head(hash: (ArraySlice<UInt8>) -> Identifier) -> Change {
        var head = included[0]
        guard included.count > 1 else { return head }
        for other in included.dropFirst() {
            head.clock = head.clock.merged(with: other.clock)
            head.updatedAt = max(head.updatedAt, other.updatedAt)
            head.schemaVersion = max(head.schemaVersion, other.schemaVersion)
        }
        if isComposed {
            head.body = body
            head.hash = hash(body)
        }
        return head
    }

    /// What was merged how, in one sentence.
    var detail: String {
        guard included.count > 1 else { return "" }
        var words = "Merged \(included.count) concurrent versions"
        for (index, note) in notes.enumerated() {
            words += index == 0 ? ": " : ", "
            words += "`\(note.path)` \(note.action.words)"
        }
        if noteCount > notes.count { words += ", and \(noteCount - notes.count) more" }
        return LogEntry.detail(words + ".")
    }
}

extension ObjectMerge.Action {
    fileprivate var words: String {
        switch self {
        case .taken: "from one side"
        case .united: "united"
        case .counted: "added up"
        case .kept: "from the later writer"
        }
    }
}

extension VectorClock {
    /// Any total order that says nothing of causality, to break ties with.
    func isListedBefore(_ other: VectorClock) -> Bool {
        for (mine, theirs) in zip(entries, other.entries) {
            if mine.replica != theirs.replica { return mine.replica < theirs.replica }
            if mine.counter != theirs.counter { return mine.counter < theirs.counter }
        }
        return entries.count < other.entries.count
    }
}
