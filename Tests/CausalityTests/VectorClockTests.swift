import Causality
import Testing

@Suite struct VectorClockTests {
    /// Small clocks, so that all orders are frequent.
    static let clocks: [VectorClock] = {
        var random = SystemRandomNumberGenerator()
        return (0..<60).map { _ in
            let pairs = ["a", "b", "c"].map {
                VectorClock.Entry(
                    replica: Identifier(unchecked: $0), counter: Int64.random(in: 0...2, using: &random))
            }
            return VectorClock(pairs.shuffled())
        }
    }()

    @Test func comparisonIsAPartialOrder() {
        for x in Self.clocks {
            #expect(x.compare(x) == .equal)
            for y in Self.clocks {
                #expect((x.dominates(y) && y.dominates(x)) == (x == y))
                #expect((x.compare(y) == .before) == (y.compare(x) == .after))
                for z in Self.clocks where x.dominates(y) && y.dominates(z) {
                    #expect(x.dominates(z))
                }
            }
        }
    }

    @Test func mergeIsTheLeastUpperBound() {
        for x in Self.clocks {
            #expect(x.merged(with: x) == x)
            for y in Self.clocks {
                let join = x.merged(with: y)
                #expect(join == y.merged(with: x))
                #expect(join.dominates(x) && join.dominates(y))
                for z in Self.clocks {
                    if join.merged(with: z) != x.merged(with: y.merged(with: z)) { Issue.record("not associative") }
                    if z.dominates(x) && z.dominates(y) && !z.dominates(join) { Issue.record("not the least") }
                }
            }
        }
    }

    @Test func anIncrementComesAfter() {
        for x in Self.clocks { #expect(x.incremented("b").compare(x) == .after) }
    }

    @Test func aMergeEqualsTheClockOfAllPairs() {
        for x in Self.clocks {
            for y in Self.clocks where x.merged(with: y) != VectorClock(x.entries + y.entries) {
                Issue.record("\(x) and \(y) merge to \(x.merged(with: y))")
            }
            for replica: Identifier in ["a", "b", "c", "bb", ""] {
                #expect(x[replica] == x.entries.first { $0.replica == replica }?.counter ?? 0)
                let raised = x.entries + [.init(replica: replica, counter: x[replica] + 1)]
                #expect(x.incremented(replica) == VectorClock(raised))
            }
        }
    }

    @Test func limitsAreOfEntriesAndOfCounters() {
        let many = (0..<VectorClock.entriesMax).map {
            VectorClock.Entry(replica: Identifier(unchecked: "r\($0)"), counter: 1)
        }
        #expect(VectorClock(many).isWithinLimits)
        #expect(!VectorClock(many).incremented("me").isWithinLimits)
        let high = VectorClock([.init(replica: "a", counter: VectorClock.counterMax)])
        #expect(high.isWithinLimits && !high.incremented("a").isWithinLimits)
        #expect(VectorClock([.init(replica: "a", counter: .max)]).incremented("a")["a"] == .max)
    }

    @Test func zeroesAreLeftOutAndTheLargerOfTwoCounts() {
        let clock = VectorClock([
            .init(replica: "b", counter: 1), .init(replica: "a", counter: 0), .init(replica: "b", counter: 3),
        ])
        #expect(clock.entries == [.init(replica: "b", counter: 3)])
    }
}

@Suite struct IdentifierTests {
    @Test func canonicallyEquivalentTextsAreTwoIdentifiers() {
        let composed: Identifier = "\u{e9}"
        let decomposed: Identifier = "e\u{301}"
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
    }

    @Test func emptyLongAndControlCharactersAreRefused() throws {
        #expect(throws: IdentifierError.empty) { try Identifier(String()) }
        #expect(throws: IdentifierError.tooLong(bytes: 257)) { try Identifier(String(repeating: "x", count: 257)) }
        #expect(throws: IdentifierError.controlCharacter) { try Identifier(String("a\nb".reversed())) }
        #expect(try Identifier(String(repeating: "x", count: 256)).text.utf8.count == 256)
    }
}
