import Causality
import Foundation
import Testing

/// Whatever a set of versions comes to, it comes to in every order of their arrival, byte for byte.
@Suite struct MergeOrderTests {
    static let rule: MergeRule = {
        let fields: [(String, MergeRule.FieldKind)] = [
            ("tags", .set), ("votes", .counter), ("due", .scalar), ("title", .text), ("in.votes", .counter),
        ]
        return (try? MergeRule(fields.compactMap { path, kind in FieldPath(path).map { .init($0, kind) } })) ?? .plain
    }()

    private var seed: UInt64 {
        let given = ProcessInfo.processInfo.environment["CARILLON_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("CARILLON_SEED=\(seed)")
        return seed
    }

    @Test func everyPermutationOfFewVersionsComesToTheSame() {
        let seed = seed
        var merged = 0
        var siblings = 0
        for round in 0..<1_500 {
            var world = VersionWorld(seed: seed &+ UInt64(round))
            let versions = world.grow(count: 3 + round % 3)
            var states: [MergedRecord.State] = []
            VersionWorld.permutations(of: versions) { order in states.append(VersionWorld.arrive(order)) }
            merged += versions.contains { $0.hash == states[0].head?.hash } ? 0 : 1
            siblings += states[0].siblings.count
            guard states.allSatisfy({ $0 == states[0] }) else {
                Issue.record("CARILLON_SEED=\(seed &+ UInt64(round))")
                return
            }
        }
        // Worlds in which nothing merges or nothing conflicts would prove nothing.
        #expect(merged > 200 && siblings > 200)
    }

    @Test func randomOrdersOfManyVersionsComeToTheSame() {
        let seed = seed
        for round in 0..<120 {
            var world = VersionWorld(seed: seed &+ UInt64(round))
            let versions = world.grow(count: 6 + round % 24)
            let expected = VersionWorld.arrive(versions)
            for _ in 0..<12 where VersionWorld.arrive(world.shuffled(versions)) != expected {
                Issue.record("CARILLON_SEED=\(seed &+ UInt64(round))")
                return
            }
        }
    }

    @Test func resendsInBetweenChangeNothing() {
        let seed = seed
        for round in 0..<200 {
            var world = VersionWorld(seed: seed &+ UInt64(round))
            let versions = world.grow(count: 8)
            var record = MergedRecord(MergeOrderTests.rule)
            for index in versions.indices {
                record.push(versions[index])
                let before = record.state
                for earlier in world.shuffled(Array(versions[...index])) {
                    guard case .merged(let told) = record.push(earlier), told.verdict != .accepted else {
                        Issue.record("CARILLON_SEED=\(seed &+ UInt64(round)): a resend was taken for new")
                        return
                    }
                }
                guard record.state == before else {
                    Issue.record("CARILLON_SEED=\(seed &+ UInt64(round))")
                    return
                }
            }
        }
    }

    /// However they saw each other: what all devices added is the sum.
    @Test func noIncrementIsLostOrCountedTwice() {
        let seed = seed
        for round in 0..<300 {
            var world = VersionWorld(seed: seed &+ UInt64(round), isCountingOnly: true)
            let versions = world.grow(count: 2 + round % 20)
            let state = VersionWorld.arrive(world.shuffled(versions))
            #expect(state.siblings.isEmpty)
            guard text(state.head?.body ?? []) == "{\"votes\":\(world.added)}" else {
                Issue.record("CARILLON_SEED=\(seed &+ UInt64(round)): \(text(state.head?.body ?? []))")
                return
            }
        }
    }
}

/// Devices that edit from what they saw: a random history of versions with honest clocks.
struct VersionWorld {
    private var random: SplitMix
    private let isCountingOnly: Bool
    private(set) var versions: [Change] = []
    private(set) var added = 0
    private var counters: [String: Int64] = [:]
    private var lastOf: [String: Int] = [:]

    init(seed: UInt64, isCountingOnly: Bool = false) {
        random = SplitMix(state: seed)
        self.isCountingOnly = isCountingOnly
    }

    mutating func grow(count: Int) -> [Change] {
        for _ in 0..<count { edit() }
        return versions
    }

    mutating func shuffled(_ versions: [Change]) -> [Change] { versions.shuffled(using: &random) }

    static func arrive(_ versions: [Change]) -> MergedRecord.State {
        var record = MergedRecord(MergeOrderTests.rule)
        for version in versions { record.push(version) }
        return record.state
    }

    static func permutations(of versions: [Change], _ body: ([Change]) -> Void) {
        func permute(_ chosen: [Change], _ rest: [Change]) {
            if rest.isEmpty { return body(chosen) }
            for index in rest.indices {
                var fewer = rest
                let next = fewer.remove(at: index)
                permute(chosen + [next], fewer)
            }
        }
        permute([], versions)
    }

    private mutating func edit() {
        let device = "r\(Int.random(in: 0..<4, using: &random))"
        // What it has seen: its own last version and some others, with all that they had seen.
        var seen = lastOf[device].map { [$0] } ?? []
        for index in versions.indices where Int.random(in: 0..<3, using: &random) == 0 { seen.append(index) }
        if seen.isEmpty, !versions.isEmpty, isCountingOnly || Int.random(in: 0..<8, using: &random) > 0 { seen = [0] }
        let seenClock = seen.reduce(VectorClock()) { $0.merged(with: versions[$1].clock) }
        let closure = versions.filter { seenClock.dominates($0.clock) }
        var record = MergedRecord(MergeOrderTests.rule)
        for version in closure { record.push(version) }
        // It edits the head, having seen the siblings or not. Its own last version it has seen in any case.
        var clock = record.head?.clock ?? VectorClock()
        if let own = lastOf[device] { clock = clock.merged(with: versions[own].clock) }
        if Bool.random(using: &random) { clock = record.siblings.reduce(clock) { $0.merged(with: $1.clock) } }
        counters[device, default: 0] += 1
        clock = clock.merged(
            with: VectorClock([.init(replica: Identifier(unchecked: device), counter: counters[device] ?? 1)]))
        var body: String? = edited(record.head?.isDeleted == true ? nil : record.body)
        if !isCountingOnly, record.head != nil, Int.random(in: 0..<10, using: &random) == 0 { body = nil }
        let bytes = ArraySlice((body ?? "").utf8)
        versions.append(
            Change(
                kind: "task", id: "1", clock: clock, hash: MergedRecord.contentHash(bytes), body: bytes,
                isDeleted: body == nil, updatedAt: Int64.random(in: 0...5, using: &random),
                schemaVersion: Int.random(in: 0...2, using: &random), writer: Identifier(unchecked: device)))
        lastOf[device] = versions.count - 1
    }

    private mutating func edited(_ body: String?) -> String {
        let read = body.flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
        var fields = read ?? [:]
        func count(_ value: Any?, _ more: Int) -> Int { (value as? Int ?? 0) + more }
        let step = Int.random(in: 1...9, using: &random)
        if isCountingOnly {
            added += step
            fields["votes"] = count(fields["votes"], step)
        } else {
            for _ in 0..<Int.random(in: 1...2, using: &random) { change(&fields, step) }
        }
        let data = (try? JSONSerialization.data(withJSONObject: fields, options: [.sortedKeys])) ?? Data("{}".utf8)
        return String(decoding: data, as: UTF8.self)
    }

    private mutating func change(_ fields: inout [String: Any], _ step: Int) {
        switch Int.random(in: 0..<9, using: &random) {
        case 0, 1: fields["votes"] = (fields["votes"] as? Int ?? 0) + step
        case 2, 3:
            var tags = fields["tags"] as? [String] ?? []
            let tag = "t\(Int.random(in: 0..<5, using: &random))"
            if tags.contains(tag) { tags.removeAll { $0 == tag } } else { tags.append(tag) }
            fields["tags"] = tags
        case 4: fields["due"] = step
        case 5: fields["title"] = "title \(Int.random(in: 0..<3, using: &random))"
        case 6:
            var inner = fields["in"] as? [String: Any] ?? [:]
            inner["votes"] = (inner["votes"] as? Int ?? 0) + step
            inner["x\(step)"] = step
            fields["in"] = inner
        case 7: fields["undeclared\(step)"] = Int.random(in: 0..<3, using: &random)
        default: fields["title"] = nil
        }
    }
}

/// SplitMix64: the same seed, the same world.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
