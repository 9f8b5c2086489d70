import Causality
import Testing

@Suite struct ResolverTests {
    func clock(_ counters: [String: Int64]) -> VectorClock {
        VectorClock(counters.map { .init(replica: Identifier(unchecked: $0.key), counter: $0.value) })
    }

    func change(
        _ counters: [String: Int64], _ hash: Identifier, at time: Int64 = 0, over supersedes: [VectorClock] = []
    ) -> Change {
        Change(
            kind: "note", id: "1", clock: clock(counters), hash: hash, body: [], updatedAt: time, writer: "me",
            supersedes: supersedes)
    }

    func record(_ head: Change, _ siblings: Change...) -> Record {
        Record(
            head: LogEntry(position: Position(1), author: "d", change: head),
            siblings: siblings.enumerated().map {
                LogEntry(position: Position(Int64($0.offset) + 2), author: "d", change: $0.element, isSibling: true)
            })
    }

    func resolve(
        _ incoming: Change, _ record: Record?, _ policy: ConflictPolicy = .manual, isForced: Bool = false
    ) -> Resolution {
        Resolver(policy: policy, isForced: isForced, replica: "me").resolve(incoming, against: record)
    }

    func expect(_ resolution: Resolution, _ verdict: Verdict, _ reason: Reason, _ outcome: Outcome) {
        #expect(resolution.verdict == verdict)
        #expect(resolution.reason == reason)
        #expect(resolution.outcome == outcome)
    }

    @Test func theFirstVersionIsAccepted() {
        let incoming = change(["a": 1], "x")
        expect(resolve(incoming, nil), .accepted, .firstVersion, .head(incoming, ending: []))
    }

    @Test func aLaterVersionIsAcceptedAndEndsTheSiblingsItHasSeen() {
        let stored = record(change(["a": 1], "x"), change(["b": 1], "y"), change(["c": 1], "z"))
        let incoming = change(["a": 2, "b": 1], "w")
        expect(resolve(incoming, stored), .accepted, .newer, .head(incoming, ending: [Position(2)]))
    }

    @Test func theSameVersionIsADuplicate() {
        let stored = change(["a": 1], "x")
        expect(resolve(stored, record(stored)), .duplicate, .sameVersion, .nothing)
    }

    @Test func equalClocksOverDifferentContentsAreEquivocation() {
        let incoming = change(["a": 1], "y")
        expect(
            resolve(incoming, record(change(["a": 1], "x"))), .conflict, .equivocation, .sibling(incoming, ending: []))
    }

    @Test func anOlderVersionIsStale() {
        expect(resolve(change(["a": 1], "x"), record(change(["a": 2], "y"))), .stale, .older, .nothing)
    }

    @Test func concurrentVersionsOfOneContentMerge() {
        let resolution = resolve(change(["a": 1], "x"), record(change(["b": 1], "x")))
        expect(resolution, .accepted, .sameContent, .head(change(["a": 1, "b": 1], "x"), ending: []))
    }

    @Test func concurrentVersionsAreKeptAsSiblings() {
        let incoming = change(["a": 1], "x")
        expect(
            resolve(incoming, record(change(["b": 1], "y"))), .conflict, .concurrent, .sibling(incoming, ending: []))
    }

    @Test func aSiblingSentAgainIsNotKeptTwice() {
        let incoming = change(["a": 1], "x")
        expect(resolve(incoming, record(change(["b": 1], "y"), incoming)), .conflict, .concurrent, .nothing)
    }

    @Test func aSiblingsSuccessorReplacesIt() {
        let stored = record(change(["b": 1], "y"), change(["a": 1], "x"))
        let incoming = change(["a": 2], "z")
        expect(resolve(incoming, stored), .conflict, .concurrent, .sibling(incoming, ending: [Position(2)]))
    }

    @Test func namingWhatItSupersedesResolves() {
        let stored = record(change(["b": 1], "y"), change(["a": 1], "x"))
        let incoming = change(["a": 1], "z", over: [clock(["a": 1]), clock(["b": 1])])
        let resolution = resolve(incoming, stored)
        #expect(resolution.reason == .resolved)
        guard case .head(let head, let ending) = resolution.outcome else { return #expect(Bool(false)) }
        #expect(head.clock == clock(["a": 1, "b": 1]).incremented("me") || head.clock == clock(["a": 1, "b": 1]))
        #expect(head.clock.compare(clock(["a": 1])) == .after && head.clock.compare(clock(["b": 1])) == .after)
        #expect(ending == [Position(2)])
    }

    @Test(arguments: [["a": 1], ["b": 2], ["b": 1]])
    func forceComesAfterWhateverIsStored(_ counters: [String: Int64]) {
        let stored = change(["b": 2], "y")
        let resolution = resolve(change(counters, "x"), record(stored), isForced: true)
        #expect(resolution.verdict == .accepted && resolution.reason == .forced)
        guard case .head(let head, _) = resolution.outcome else { return #expect(Bool(false)) }
        #expect(head.clock.compare(stored.clock) == .after && head.hash == "x")
    }

    @Test func aForcedPushSentAgainIsADuplicate() {
        let resolution = resolve(change(["a": 1], "x"), record(change(["a": 1, "me": 1], "x")), isForced: true)
        expect(resolution, .duplicate, .sameContent, .nothing)
    }

    @Test func pastTheLimitNoSiblingIsKept() {
        var stored = record(change(["h": 1], "h"))
        for index in 0..<Record.siblingsMax {
            let sibling = change(["r\(index)": 1], Identifier(unchecked: "x\(index)"))
            stored.siblings.append(
                LogEntry(position: Position(Int64(index + 2)), author: "d", change: sibling, isSibling: true))
        }
        #expect(resolve(change(["new": 1], "new"), stored).outcome == .siblingLimit)
        let successor = change(["r0": 2], "y")
        #expect(resolve(successor, stored).outcome == .sibling(successor, ending: [Position(2)]))
    }

    @Test func noClockOverTheLimitsIsWritten() {
        let half = VectorClock.entriesMax / 2 + 1
        let left = Dictionary(uniqueKeysWithValues: (0..<half).map { ("l\($0)", Int64(1)) })
        let right = Dictionary(uniqueKeysWithValues: (0..<half).map { ("r\($0)", Int64(1)) })
        let stored = record(change(right, "y"))
        #expect(resolve(change(left, "x"), stored, isForced: true).outcome == .clockLimit)
        #expect(resolve(change(left, "x", at: 1), stored, .lastWriterWins).outcome == .clockLimit)
        #expect(resolve(change(left, "x", at: -1), stored, .lastWriterWins).outcome == .clockLimit)
        #expect(resolve(change(left, "y"), stored).outcome == .clockLimit)
        #expect(resolve(change(left, "x", over: [clock(right)]), stored).outcome == .clockLimit)
        #expect(resolve(change(left, "x", over: [clock(right)]), nil).outcome == .clockLimit)
        let beside = record(change(["h": 1], "h"), change(right, "x"))
        #expect(resolve(change(left, "x"), beside).outcome == .clockLimit)
        // Without a merge both stand side by side.
        #expect(resolve(change(left, "x"), stored).outcome == .sibling(change(left, "x"), ending: []))
        let highest = ["me": VectorClock.counterMax]
        #expect(resolve(change(highest, "x"), record(change(highest, "y")), isForced: true).outcome == .clockLimit)
        #expect(resolve(change([:], "x", over: [clock(highest)]), nil).outcome == .clockLimit)
    }

    @Test func lastWriterWinsEndsAlikeInEveryOrderOfArrival() {
        // The tie at 2 was once broken by the replica: z, merged into the head's clock by its loss, decided for "w".
        let versions = [
            change(["z": 1], "l", at: 1), change(["b": 1], "w", at: 2), change(["m": 1], "v", at: 2),
            change(["a": 1], "k", at: 0),
        ]
        var ends: Set<Identifier> = []
        for order in permutations(versions) {
            var stored: Record?
            for version in order {
                if case .head(let head, _) = resolve(version, stored, .lastWriterWins).outcome { stored = record(head) }
            }
            ends.insert(stored?.head.change.hash ?? "none")
            #expect(stored?.head.change.clock == clock(["z": 1, "b": 1, "m": 1, "a": 1]))
        }
        #expect(ends == ["w"])
    }

    @Test func atOneTimeTheLargerReplicaWinsInEveryOrderOfArrival() {
        // The contents' hashes and the names in the clocks say otherwise.
        let pushes: [(Identifier, Change)] = [
            ("b", change(["x": 1], "9")), ("c", change(["a": 1], "1")), ("a", change(["z": 1], "5")),
        ]
        for order in permutations(pushes) {
            var stored: Record?
            for (replica, version) in order {
                let resolver = Resolver(policy: .lastWriterWins, isForced: false, replica: replica)
                if case .head(let head, _) = resolver.resolve(version, against: stored).outcome {
                    stored = record(head)
                }
            }
            #expect(stored?.head.change.hash == "1")
            #expect(stored?.head.change.writer == "c")
        }
    }

    func permutations<Element>(_ versions: [Element]) -> [[Element]] {
        guard versions.count > 1 else { return [versions] }
        return versions.indices.flatMap { index in
            var rest = versions
            let first = rest.remove(at: index)
            return permutations(rest).map { [first] + $0 }
        }
    }
}
