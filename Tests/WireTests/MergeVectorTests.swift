import Causality
import Testing
import Wire

/// The vectors of three-way merges, through the resolver and in both orders of arrival.
@Suite struct MergeVectorTests {
    private struct MergeVector: Decodable {
        let name: String
        let rule: [String: [String]]
        /// nil: none that the hub knows of.
        let base: String?
        /// Of the later writer.
        let left: String
        let right: String
        let merged: String?
        let conflict: String?
        let field: String?

        func mergeRule() throws -> MergeRule {
            try MergeRule(
                rule.flatMap { kind, paths in
                    try paths.map {
                        MergeRule.Field(
                            try #require(FieldPath($0)), try #require(MergeRule.FieldKind(rawValue: kind)))
                    }
                })
        }
    }

    private func version(_ counters: [String: Int64], _ body: String, at time: Int64) -> Change {
        let bytes = Array(body.utf8)[...]
        return Change(
            kind: "k", id: "i",
            clock: VectorClock(counters.map { .init(replica: Identifier(unchecked: $0.key), counter: $0.value) }),
            hash: Identifier(unchecked: PushBody.defaultHash(of: bytes)), body: bytes, updatedAt: time)
    }

    @Test func theResolverMergesAsTheVectorsSay() throws {
        let vectors = try Vectors.load("merges.json", as: [MergeVector].self)
        #expect(vectors.count > 30)
        for vector in vectors {
            let seen: [String: Int64] = vector.base == nil ? [:] : ["b": 1]
            let left = version(seen.merging(["l": 1]) { $1 }, vector.left, at: 3)
            let right = version(seen.merging(["r": 1]) { $1 }, vector.right, at: 2)
            for edits in [[left, right], [right, left]] {
                var record: Record?
                var history = MergeHistory()
                var last: MergeResolution?
                for change in (vector.base.map { [version(["b": 1], $0, at: 1)] } ?? []) + edits {
                    let resolver = MergeResolver(rule: try vector.mergeRule(), isForced: false, replica: "r") {
                        Identifier(unchecked: PushBody.defaultHash(of: $0))
                    }
                    var work = MergeWork()
                    guard
                        case .merged(let resolution) = resolver.resolve(
                            change, against: record, history: history, work: &work)
                    else {
                        Issue.record("\(vector.name)")
                        break
                    }
                    history = resolution.history
                    if let head = resolution.head?.change {
                        record = Record(head: LogEntry(position: .start, author: "", change: head))
                    }
                    last = resolution
                }
                let head = try #require(record?.head.change)
                if let merged = vector.merged {
                    #expect(text(head.body) == merged, "\(vector.name)")
                    #expect(head.hash.text == PushBody.defaultHash(of: head.body), "\(vector.name)")
                    #expect(last?.siblings.isEmpty == true, "\(vector.name)")
                } else {
                    #expect(text(head.body) == vector.left, "\(vector.name)")
                    let sibling = last?.siblings.first
                    #expect(sibling.map { text($0.change.body) } == vector.right, "\(vector.name)")
                    #expect(sibling?.reason.rawValue == vector.conflict, "\(vector.name)")
                    if let field = vector.field {
                        #expect(sibling?.detail == "Both sides changed `\(field)`.", "\(vector.name)")
                    }
                }
            }
        }
    }
}
