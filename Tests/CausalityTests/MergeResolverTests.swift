import Causality
import Testing

@Suite struct MergeResolverTests {
    /// One base, then two edits that did not see each other; `b`'s is the later one.
    func fork(_ rule: MergeRule = .plain, _ base: String?, _ left: String?, _ right: String?) -> MergedRecord {
        var record = MergedRecord(rule)
        record.push(version(["a": 1], base, by: "a", at: 1))
        record.push(version(["a": 2], left, by: "a", at: 2))
        record.push(version(["a": 1, "b": 1], right, by: "b", at: 3))
        return record
    }

    func verdict(_ outcome: MergeOutcome) -> (Verdict, Reason) {
        switch outcome {
        case .ordinary(let resolution): (resolution.verdict, resolution.reason)
        case .merged(let resolution): (resolution.verdict, resolution.reason)
        }
    }

    @Test func editsOfDifferentFieldsBecomeOneHeadThatHasSeenBoth() throws {
        var record = fork(.plain, "{\"x\":1,\"y\":1}", "{\"x\":2,\"y\":1}", "{\"x\":1, \"y\":2}")
        #expect(record.body == "{\"x\":2,\"y\":2}" && record.siblings.isEmpty)
        let head = try #require(record.record?.head)
        #expect(head.reason == .merged && head.change.updatedAt == 3 && head.change.writer == "b")
        #expect(head.change.clock == version(["a": 2, "b": 1], "", by: "a").clock)
        #expect(head.change.hash == MergedRecord.contentHash(head.change.body))
        // Whoever edits what was merged comes after all of it, and its version stands as it is.
        let next = version(["a": 2, "b": 1, "c": 1], "{ \"x\" : 9 }", by: "c", at: 0)
        #expect(verdict(record.push(next)) == (.accepted, .newer) && record.head == next)
    }

    @Test func whatIsNotTouchedKeepsItsBytes() {
        let record = fork(
            .plain, "{ \"n\": 1.50, \"s\": \"\\u00e9\", \"x\": 1 }", "{ \"n\": 1.50, \"s\": \"\\u00e9\", \"x\": 2 }",
            "{ \"s\" :\"\u{e9}\",\"n\":1.50 , \"x\" : 1, \"z\":[ 1 ] }")
        #expect(record.body == "{\"s\":\"\u{e9}\",\"n\":1.50,\"x\":2,\"z\":[ 1 ]}" && record.siblings.isEmpty)
    }

    @Test func aTextThatBothChangedLeavesTheEarlierVersionBesideTheLater() throws {
        var record = fork(.plain, "{\"t\":1}", "{\"t\":2}", "{\"t\":3}")
        #expect(record.body == "{\"t\":3}" && record.siblings.map { text($0.body) } == ["{\"t\":2}"])
        #expect(record.head?.clock[Identifier("a")] == 1)
        let resolved = version(
            [:], "{\"t\":4}", by: "c", at: 0, over: [record.head, record.siblings[0]].compactMap { $0?.clock })
        #expect(verdict(record.push(resolved)) == (.accepted, .resolved))
        #expect(record.body == "{\"t\":4}" && record.siblings.isEmpty)
    }

    @Test func aResolutionStaysTheHeadWhenAnotherSiblingThatItDidNotNameIsLater() {
        var record = fork(.plain, "{\"t\":1}", "{\"t\":2}", "{\"t\":3}")
        let third = version(["a": 1, "c": 1], "{\"t\":5}", by: "c", at: 2)
        #expect(verdict(record.push(third)) == (.conflict, .concurrent))
        let clocks = [record.head, record.siblings.first { $0.writer == "a" }].compactMap { $0?.clock }
        // Its own time, left out, is before all others.
        #expect(verdict(record.push(version([:], "{\"t\":4}", by: "d", over: clocks))) == (.accepted, .resolved))
        #expect(record.body == "{\"t\":4}" && record.siblings == [third])
    }

    @Test func anEditAndADeletionAreNeverMerged() {
        for isDeletionLater in [true, false] {
            let edit = "{\"t\":2}"
            let record = fork(
                .plain, "{\"t\":1}", isDeletionLater ? edit : nil, isDeletionLater ? nil : edit)
            #expect(record.body == edit && record.siblings.map(\.isDeleted) == [true])
        }
        var record = fork(.plain, "{\"t\":1}", "{\"t\":2}", "{\"t\":1}")
        #expect(verdict(record.push(version(["a": 1, "d": 1], nil, by: "d", at: 9))) == (.conflict, .editDelete))
    }

    @Test func devicesThatCountedTheSameHaveCountedTwice() throws {
        let votes = try rule([("votes", .counter), ("in.votes", .counter)])
        let record = fork(
            votes, "{\"votes\":1,\"in\":{\"votes\":0}}", "{\"votes\":2,\"in\":{\"votes\":5}}",
            "{\"votes\":2,\"in\":{\"votes\":5}}")
        #expect(record.body == "{\"votes\":3,\"in\":{\"votes\":10}}" && record.siblings.isEmpty)
        // Of other fields, what both made alike is made once.
        let same = fork(.plain, "{\"x\":1}", "{\"x\":2}", "{\"x\":2}")
        #expect(same.body == "{\"x\":2}" && same.record?.head.reason == .sameContent && same.siblings.isEmpty)
    }

    @Test func twoThatWereMadeApartHaveNoAncestor() {
        var record = MergedRecord()
        record.push(version(["a": 1], "{\"x\":1}", by: "a", at: 5))
        #expect(verdict(record.push(version(["b": 1], "{\"y\":1}", by: "b", at: 1))) == (.conflict, .noAncestor))
        #expect(record.body == "{\"x\":1}" && record.siblings.count == 1)
    }

    @Test func anAncestorThatComesLateMergesWhatStoodApart() throws {
        let base = version(["a": 1], "{}", by: "a")
        let left = version(["a": 2], "{\"x\":1}", by: "a", at: 1)
        let right = version(["a": 1, "b": 1], "{\"y\":1}", by: "b", at: 2)
        var record = MergedRecord()
        record.push(left)
        #expect(verdict(record.push(right)) == (.accepted, .noAncestor) && record.siblings == [left])
        guard case .merged(let told) = record.push(base) else {
            Issue.record("not merged")
            return
        }
        #expect(told.verdict == .stale && told.reason == .older && told.answersHead)
        #expect(told.head?.isIncoming == false && told.head?.reason == .merged)
        #expect(record.body == "{\"y\":1,\"x\":1}" && record.siblings.isEmpty)
        #expect(verdict(record.push(base)) == (.duplicate, .sameVersion))
        #expect(verdict(record.push(left)) == (.duplicate, .sameVersion))
        #expect(verdict(record.push(try #require(record.head))) == (.duplicate, .sameVersion))
    }

    @Test func aForcedVersionIsTheHeadAndWhatItDidNotSeeStands() {
        var record = fork(.plain, "{\"t\":1}", "{\"t\":2}", "{\"t\":3}")
        let forced = version(["z": 1], "{\"t\":0}", by: "z", at: -9)
        #expect(verdict(record.push(forced, isForced: true)) == (.accepted, .forced))
        #expect(record.body == "{\"t\":0}" && record.siblings.map { text($0.body) } == ["{\"t\":2}"])
        #expect(verdict(record.push(forced, isForced: true)) == (.duplicate, .sameContent))
        let next = version(["a": 1, "b": 1, "z": 2], "{\"t\":7}", by: "z")
        #expect(verdict(record.push(next)) == (.accepted, .newer) && record.siblings.count == 1)
    }

    @Test func equalClocksOverDifferentContentsStandApartUntilNamed() {
        var record = fork(.plain, "{\"x\":1}", "{\"x\":1,\"y\":1}", "{\"x\":1,\"z\":1}")
        let twin = version(["a": 2], "{\"x\":1,\"cloned\":1}", by: "a", at: 2)
        #expect(verdict(record.push(twin)) == (.conflict, .equivocation) && record.siblings == [twin])
        #expect(verdict(record.push(twin)) == (.conflict, .equivocation) && record.siblings == [twin])
        record.push(version(["a": 2, "b": 2], "{\"x\":2}", by: "b"))
        #expect(record.siblings == [twin])
        record.push(version(["a": 2, "b": 3], "{\"x\":3}", by: "b", over: [twin.clock]))
        #expect(record.siblings.isEmpty && record.body == "{\"x\":3}")
    }

    @Test func theHistoryIsBoundedAndStillMergesRecentForks() {
        var record = MergedRecord()
        for count in 1...200 {
            record.push(version(["a": Int64(count)], "{\"n\":\(count),\"m\":0}", by: "a", at: Int64(count)))
            #expect(record.history.versions.count <= MergeHistory.versionsMax)
        }
        let fork = version(["a": 195, "b": 1], "{\"n\":195,\"m\":1}", by: "b")
        #expect(verdict(record.push(fork)) == (.accepted, .merged) && record.body == "{\"n\":200,\"m\":1}")
        let old = version(["a": 3, "c": 1], "{\"n\":3,\"m\":2}", by: "c")
        #expect(verdict(record.push(old)) == (.conflict, .noAncestor))
    }

    @Test func manyConcurrentVersionsCollapseIntoTheHead() {
        var record = MergedRecord()
        record.push(version(["a": 1], "{}", by: "a"))
        for count in 0..<100 {
            let outcome = record.push(
                version(["a": 1, "w\(count)": 1], "{\"f\(count)\":1}", by: "w\(count)", at: Int64(count)))
            if (1..<31).contains(count) { #expect(verdict(outcome) == (.accepted, .merged)) }
            #expect(record.history.versions.count <= MergeHistory.versionsMax)
        }
        #expect(record.siblings.count == Record.siblingsMax)
        let big = String(repeating: "x", count: MergeHistory.bytesMax)
        record.push(version(["a": 1, "w0": 1, "q": 1], "\"\(big)\"", by: "q"))
        #expect(record.siblings.count == Record.siblingsMax)
    }

    @Test func aVersionThatComesAgainIsNotMergedAgain() {
        var record = fork(.plain, "{\"t\":1}", "{\"t\":2}", "{\"x\":1,\"t\":1}")
        let third = version(["a": 1, "c": 1], "{\"t\":5}", by: "c", at: 1)
        #expect(verdict(record.push(third)) == (.conflict, .concurrent) && record.work.units > 0)
        let before = record.state
        #expect(verdict(record.push(third)) == (.conflict, .concurrent) && record.work.units == 0)
        let right = version(["a": 1, "b": 1], "{\"x\":1,\"t\":1}", by: "b", at: 3)
        #expect(verdict(record.push(right)) == (.duplicate, .sameVersion) && record.work.units == 0)
        #expect(record.state == before)
    }

    @Test func aSiblingThatComesAgainLongAfterStillStands() {
        var record = MergedRecord()
        record.push(version(["a": 1], "{}", by: "a"))
        let twin = version(["a": 1], "{\"cloned\":1}", by: "a")
        record.push(twin)
        for count in 2...100 { record.push(version(["a": Int64(count)], "{\"n\":\(count)}", by: "a")) }
        #expect(record.siblings == [twin])
        #expect(verdict(record.push(twin)) == (.conflict, .equivocation) && record.siblings == [twin])
    }

    /// What lies deep is read at each level: 60 of them over 30 KB were 0.9 s of one push.
    @Test func deepBodiesAreBoundedByWhatIsReadOfThem() {
        let bulk = (0..<1_500).map { "\"k\($0)\":1" }.joined(separator: ",")
        func body(_ depth: Int, _ more: String) -> String {
            String(repeating: "{\"a\":", count: depth) + "{\(bulk)\(more)}" + String(repeating: "}", count: depth)
        }
        let shallow = fork(.plain, body(3, ""), body(3, ",\"x\":1"), body(3, ",\"y\":1"))
        #expect(shallow.siblings.isEmpty && shallow.work.units > 4 * 3 * bulk.utf8.count)
        let deep = fork(.plain, body(60, ""), body(60, ",\"x\":1"), body(60, ",\"y\":1"))
        #expect(deep.siblings.count == 1 && deep.work.units < 3 << 20)
    }

    @Test func valuesOfOneMeaningAreOneWhateverTheirText() {
        let base = "{\"v\":{\"b\":[{\"y\":-0,\"x\":{}},[]],\"a\":\"\\u0041\"}}"
        let same = "{\"v\": {\"a\" : \"A\", \"b\":[ {\"x\":{ },\"y\":0} , [ ] ]}, \"z\":1}"
        let record = fork(.plain, base, same, "{\"v\":7}")
        #expect(record.siblings.isEmpty && record.body == "{\"v\":7,\"z\":1}")
        // 1e400 and 1.0 are told apart by their text, and nothing is made of them.
        #expect(fork(.plain, "{\"v\":1}", "{\"v\":1e400}", "{\"v\":1.0}").siblings.count == 1)
    }

    @Test func bodiesThatAreNoObjectsAreNotMerged() {
        for (base, left, right) in [
            ("[]", "[1]", "[2]"), ("{}", "[1]", "{}"), ("{}", "{\"a\":1,\"a\":2}", "{\"b\":1}"),
            ("{}", "{\"a\":", "}{"),
            ("{}", "", "\\"), ("{}", "{\"a\":1}", "{\"\\u12\":\"\\ud800\",\"b\"}"),
        ] {
            #expect(fork(.plain, base, left, right).siblings.count == 1, "\(base) \(left) \(right)")
        }
    }

    @Test func aRuleSaysWhatIsWrongWithItsFields() throws {
        let paths = try ["a", "a.b", "c"].map { try #require(FieldPath($0)) }
        #expect(throws: MergeRuleError.declaredTwice(paths[2])) {
            try MergeRule([.init(paths[2], .set), .init(paths[2], .text)])
        }
        #expect(throws: MergeRuleError.within(paths[1])) {
            try MergeRule([.init(paths[0], .set), .init(paths[1], .set)])
        }
        #expect(throws: MergeRuleError.within(paths[0])) {
            try MergeRule([.init(paths[1], .set), .init(paths[0], .set)])
        }
        let many = try (0...MergeRule.fieldsMax).map { MergeRule.Field(try #require(FieldPath("f\($0)")), .set) }
        #expect(throws: MergeRuleError.tooManyFields(65)) { try MergeRule(many) }
        for text in ["", ".", "a.", ".a", "a..b", "a\n", "a\\", "a\\b"] { #expect(FieldPath(text) == nil) }
        let dotted = try rule([("a\\.b.c", .counter)])
        #expect(
            fork(dotted, "{\"a.b\":{\"c\":1}}", "{\"a.b\":{\"c\":2}}", "{\"a.b\":{\"c\":5}}").body
                == "{\"a.b\":{\"c\":6}}")
    }

    @Test func whateverBodiesHoldNothingTraps() throws {
        let fields: [(String, MergeRule.FieldKind)] = [("a", .set), ("b", .counter), ("c", .scalar), ("d.b", .counter)]
        let declared = try rule(fields)
        let pieces = [
            "{", "}", "[", "]", "\"", ",", ":", "\\", "\\u", "\\ud83d", "\\udd14", "\"a\":", "\"b\":", "\"c\":",
            "\"d\":", "1",
            "-0", "9007199254740993", "99999999999999999999", "-", "1e9", "null", "true", " ", "\n", "{\"b\":1}",
            "[1,2]", "\"x\"",
            "\u{e9}",
        ]
        var random = SplitMix(state: 11)
        for _ in 0..<4_000 {
            let bodies = (0..<3).map { _ in
                let inner = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                    pieces[Int.random(in: 0..<pieces.count, using: &random)]
                }
                return Bool.random(using: &random) ? "{" + inner.joined() + "}" : inner.joined()
            }
            let record = fork(declared, bodies[0], bodies[1], bodies[2])
            #expect(record.head != nil && record.siblings.count <= 1)
        }
        let deep = String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000)
        let record = fork(declared, "{\"a\":[]}", "{\"a\":[\(deep)]}", "{\"a\":[{\"k\":\(deep)}]}")
        #expect(record.siblings.isEmpty)
    }
}
