import Causality
import Testing

/// The vectors that other implementations of the protocol test their own resolver with.
@Suite struct CausalityVectorTests {
    private struct Version: Decodable {
        let clock: [String: Int64]
        let hash: String
        let updatedAt: Int64

        enum CodingKeys: String, CodingKey {
            case clock, hash
            case updatedAt = "updated_at"
        }

        var change: Change {
            Change(
                kind: "k", id: "i", clock: VectorClock(of: clock), hash: Identifier(unchecked: hash), body: [0x31],
                updatedAt: updatedAt)
        }
    }

    private struct VerdictVector: Decodable {
        let name: String
        let policy: String
        let force: Bool
        let stored: Version?
        let incoming: Version
        let verdict: String
        let reason: String
        let headClock: [String: Int64]?

        enum CodingKeys: String, CodingKey {
            case name, policy, force, stored, incoming, verdict, reason
            case headClock = "head_clock"
        }
    }

    private struct ClockPair: Decodable {
        let left: [String: Int64]
        let right: [String: Int64]
        let order: String
        let merged: [String: Int64]
    }

    @Test func theResolverReachesTheVerdictsOfTheVectors() throws {
        for vector in try Vectors.load("verdicts.json", as: [VerdictVector].self) {
            let policy = try #require(ConflictPolicy(named: vector.policy))
            let stored = vector.stored.map {
                Record(head: LogEntry(position: Position(1), author: "d", change: $0.change))
            }
            let resolver = Resolver(policy: policy, isForced: vector.force, replica: "me")
            let resolution = resolver.resolve(vector.incoming.change, against: stored)
            #expect(resolution.verdict.rawValue == vector.verdict, "\(vector.name)")
            #expect(resolution.reason.rawValue == vector.reason, "\(vector.name)")
            if let clock = vector.headClock {
                guard case .head(let head, _) = resolution.outcome else {
                    Issue.record("\(vector.name) writes no head")
                    continue
                }
                #expect(head.clock == VectorClock(of: clock), "\(vector.name)")
            }
        }
    }

    @Test func clocksCompareAndMergeAsTheVectorsSay() throws {
        for vector in try Vectors.load("clocks.json", as: [ClockPair].self) {
            let left = VectorClock(of: vector.left)
            let right = VectorClock(of: vector.right)
            #expect("\(left.compare(right))" == vector.order)
            #expect(left.merged(with: right) == VectorClock(of: vector.merged))
        }
    }
}

extension VectorClock {
    fileprivate init(of counters: [String: Int64]) {
        self.init(counters.map { Entry(replica: Identifier(unchecked: $0.key), counter: $0.value) })
    }
}
