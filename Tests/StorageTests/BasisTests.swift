import Causality
import Foundation
import Storage
import Testing

/// Laws of clocks that the journal makes, over random schedules of writers that keep none.
@Suite struct BasisTests {
    static let name = RecordKey(space: "s", kind: "note", id: "1")

    static func seed() -> UInt64 {
        let given = ProcessInfo.processInfo.environment["CARILLON_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("CARILLON_SEED=\(seed)")
        return seed
    }

    static func push(_ number: Int, by writer: Identifier, _ basis: ClockBasis, isDeleted: Bool = false) -> Submission {
        let change = Change(
            kind: "note", id: "1", clock: VectorClock(), hash: Identifier(unchecked: "h\(number)"), body: [],
            isDeleted: isDeleted, updatedAt: Int64(number))
        return Submission(space: "s", author: writer, replica: writer, changes: [change], basis: basis)
    }

    @Test func writersOfTheLatestNeverLoseAnUpdateAndTheirClocksAreInOneOrder() throws {
        var random = SeededGenerator(state: BasisTests.seed())
        for _ in 0..<300 {
            let store = MemoryStore(generation: Generation(1))
            let journal = Journal(store: store)
            var clocks: [VectorClock] = []
            for number in 0..<20 {
                let count = Int.random(in: 1...3, using: &random)
                let pushes = (0..<count).map { part in
                    BasisTests.push(
                        number * 3 + part, by: Identifier(unchecked: "d\(Int.random(in: 0..<3, using: &random))"),
                        .latest)
                }
                for result in try journal.commit(pushes, now: Position(Int64(number))).results {
                    guard case .verdict(.accepted, _) = result[0].decision else {
                        Issue.record("\(result[0])")
                        return
                    }
                    clocks.append(result[0].clock)
                }
            }
            for (earlier, later) in zip(clocks, clocks.dropFirst()) { #expect(later.compare(earlier) == .after) }
            #expect(try store.record(BasisTests.name)?.siblings.isEmpty == true)
        }
    }

    /// Beside writers of their own clocks, which fork as they like.
    @Test func aWriteConflictsExactlyWithWhatAnotherWroteBeyondWhatItsWriterHasSeen() throws {
        var random = SeededGenerator(state: BasisTests.seed())
        for round in 0..<2_000 {
            let store = MemoryStore(generation: Generation(1))
            let journal = Journal(store: store)
            for number in 1...12 {
                let writer = Identifier(unchecked: "d\(Int.random(in: 0..<3, using: &random))")
                let before = try store.record(BasisTests.name)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    var fork = BasisTests.push(number, by: "n", .given)
                    fork.changes[0].clock = VectorClock([
                        .init(replica: Identifier(unchecked: "n\(number)"), counter: 1)
                    ])
                    if let base = before?.siblings.randomElement(using: &random) ?? before?.head {
                        fork.changes[0].clock = fork.changes[0].clock.merged(with: base.change.clock)
                    }
                    _ = try journal.commit([fork], now: .start)
                    continue
                }
                let seen = Position(Int64.random(in: 0...15, using: &random))
                let push = BasisTests.push(number, by: writer, .seen(upTo: seen))
                let result = try journal.commit([push], now: .start).results[0][0]
                let after = try #require(try store.record(BasisTests.name))
                let versions = before.map { [$0.head] + $0.siblings } ?? []
                let unseen = versions.filter { $0.position > seen && $0.author != writer }
                let isHeadUnseen = before.map { head in unseen.contains { $0.position == head.head.position } } ?? false
                #expect(result.isSuccess != isHeadUnseen, "round \(round)")
                // What was seen ends, what was not stands, and nothing else does; but for a sibling beside an unseen
                // head there is more that the writer may have seen and not settled.
                let kept = ([after.head] + after.siblings).map(\.change.hash)
                #expect(unseen.allSatisfy { kept.contains($0.change.hash) }, "round \(round)")
                #expect(kept.contains(push.changes[0].hash))
                if !isHeadUnseen { #expect(Set(after.siblings.map(\.change.hash)) == Set(unseen.map(\.change.hash))) }
                let again = try journal.commit([push], now: .start)
                #expect(again.batches.isEmpty && again.results[0][0].isSuccess != isHeadUnseen, "round \(round)")
            }
        }
    }
}
