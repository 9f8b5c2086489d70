import Causality
import Testing

/// A record under a merge policy as a hub holds it: what each resolution writes is written, and nothing else.
struct MergedRecord {
    let rule: MergeRule
    private(set) var record: Record?
    private(set) var history = MergeHistory()
    private var position: Int64 = 0
    /// Of the last push.
    private(set) var work = MergeWork()

    init(_ rule: MergeRule = .plain) {
        self.rule = rule
    }

    /// Under which name a version goes by default. No secrets here: the bytes themselves, which are not long.
    static let contentHash: @Sendable (ArraySlice<UInt8>) -> Identifier = {
        Identifier(unchecked: "#" + String(decoding: $0, as: UTF8.self))
    }

    @discardableResult
    mutating func push(_ change: Change, isForced: Bool = false) -> MergeOutcome {
        let resolver = MergeResolver(
            rule: rule, isForced: isForced, replica: change.writer, contentHash: MergedRecord.contentHash)
        work = MergeWork()
        let outcome = resolver.resolve(change, against: record, history: history, work: &work)
        switch outcome {
        case .ordinary(let resolution):
            if case .sibling(let sibling, let ended) = resolution.outcome {
                add([(sibling, resolution.reason)], ending: ended)
            }
        case .merged(let resolution):
            history = resolution.history
            if let head = resolution.head {
                record = Record(head: entry(head.change, reason: head.reason), siblings: record?.siblings ?? [])
            }
            add(resolution.siblings.map { ($0.change, $0.reason) }, ending: resolution.ended)
        }
        return outcome
    }

    private mutating func add(_ siblings: [(change: Change, reason: Reason)], ending ended: [Position]) {
        record?.siblings.removeAll { ended.contains($0.position) }
        for sibling in siblings {
            let placed = entry(sibling.change, isSibling: true, reason: sibling.reason)
            record?.siblings.append(placed)
        }
    }

    private mutating func entry(_ change: Change, isSibling: Bool = false, reason: Reason = .newer) -> LogEntry {
        position += 1
        return LogEntry(
            position: Position(position), author: "d", change: change, isSibling: isSibling, reason: reason)
    }

    var head: Change? { record?.head.change }
    var body: String { text(head?.body ?? []) }
    var siblings: [Change] { record?.siblings.map(\.change) ?? [] }

    /// All that has to come out alike in every order of arrival.
    var state: State { State(head: head, siblings: siblings.map(\.hash.text).sorted()) }

    struct State: Equatable {
        let head: Change?
        let siblings: [String]
    }
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

func rule(_ fields: [(String, MergeRule.FieldKind)]) throws -> MergeRule {
    try MergeRule(fields.map { MergeRule.Field(try #require(FieldPath($0.0)), $0.1) })
}

func version(
    _ counters: [String: Int64], _ body: String?, by writer: String, at time: Int64 = 0, hash: String? = nil,
    over supersedes: [VectorClock] = []
) -> Change {
    let clock = VectorClock(counters.map { .init(replica: Identifier(unchecked: $0.key), counter: $0.value) })
    let bytes = ArraySlice((body ?? "").utf8)
    return Change(
        kind: "task", id: "1", clock: clock,
        hash: hash.map { Identifier(unchecked: $0) } ?? MergedRecord.contentHash(bytes), body: bytes,
        isDeleted: body == nil, updatedAt: time, writer: Identifier(unchecked: writer), supersedes: supersedes)
}
