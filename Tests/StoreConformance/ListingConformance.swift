import Causality
import Storage
import Testing

/// Reads in order of names, against a plain model: all names sorted by their bytes.
@Suite struct ListingConformance {
    static let kinds = ["a", "note", "note2", "z", "\u{e9}", "\u{1F514}"]
    /// Ids around the edges of prefixes: one that is the prefix, ones that follow it, and the highest characters.
    static let ids = [
        "!", "a", "ab", "abc", "ac", "b", "\u{7f}x", "\u{e9}", "\u{e9}\u{e9}", "\u{eb}", "\u{ffff}", "\u{1F514}",
        "\u{1F514}1", "\u{10ffff}", "\u{10ffff}\u{10ffff}",
    ]

    func name(_ kind: String, _ id: String) -> RecordName {
        RecordName(kind: Identifier(unchecked: kind), id: Identifier(unchecked: id))
    }

    /// Every kind with every id, written in another order than that of the names.
    func filled(_ kind: StoreUnderTest) throws -> any Store {
        let store = try kind.open()
        var entries: [LogEntry] = []
        for id in ListingConformance.ids.reversed() {
            for kind in ListingConformance.kinds {
                entries.append(
                    entry(
                        Int64(entries.count) + 1, id, kind: Identifier(unchecked: kind), namespace: id < "b" ? "n" : "m"
                    ))
            }
        }
        try store.append(entries)
        return store
    }

    var all: [RecordName] {
        ListingConformance.kinds.flatMap { kind in ListingConformance.ids.map { name(kind, $0) } }.sorted {
            Array($0.kind.text.utf8).lexicographicallyPrecedes(Array($1.kind.text.utf8))
                || ($0.kind == $1.kind && Array($0.id.text.utf8).lexicographicallyPrecedes(Array($1.id.text.utf8)))
        }
    }

    func names(_ store: any Store, _ query: RecordQuery) throws -> [RecordName] {
        var query = query
        var names: [RecordName] = []
        while true {
            let page = try store.records(query)
            #expect(page.records.count <= query.limit)
            names += page.records.map(\.head.change.name)
            guard let next = page.next else { return names }
            query.after = next
        }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func recordsComeInOrderOfTheirNamesBytesAtEveryPageLength(_ kind: StoreUnderTest) throws {
        let store = try filled(kind)
        for limit in [1, 2, 7, 89, 90, 91] {
            #expect(try names(store, RecordQuery(space: "s", limit: limit)) == all)
        }
        #expect(try store.records(RecordQuery(space: "s", limit: 90)).next == nil)
        #expect(try store.records(RecordQuery(space: "s", limit: 89)).next == all[88])
        #expect(try names(store, RecordQuery(space: "s", kind: "note", limit: 4)) == all.filter { $0.kind == "note" })
        #expect(try names(store, RecordQuery(space: "s", kind: "not")).isEmpty)
        let after = name("note", "ac")
        #expect(try names(store, RecordQuery(space: "s", after: after)) == all.filter { after < $0 })
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aPrefixFindsTheIdsThatBeginWithItsBytesAndNoOthers(_ kind: StoreUnderTest) throws {
        let store = try filled(kind)
        for prefix in ["", "a", "ab", "abcd", "\u{e9}", "\u{ffff}", "\u{1F514}", "\u{10ffff}", "~", " ", "zz"] {
            let wanted = all.filter { Array($0.id.text.utf8).starts(with: Array(prefix.utf8)) }
            for limit in [1, 100] {
                #expect(try names(store, RecordQuery(space: "s", idPrefix: prefix, limit: limit)) == wanted)
                let ofKind = RecordQuery(space: "s", kind: "note", idPrefix: prefix, limit: limit)
                #expect(try names(store, ofKind) == wanted.filter { $0.kind == "note" })
            }
        }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func namespacesDeletionsAndOtherSpacesAreLeftOut(_ kind: StoreUnderTest) throws {
        let store = try filled(kind)
        let wanted = all.filter { $0.id.text < "b" }
        #expect(try names(store, RecordQuery(space: "s", namespace: "n", limit: 3)) == wanted)
        #expect(try names(store, RecordQuery(space: "nobodys")).isEmpty)
        #expect(try store.manifest(ManifestQuery(space: "nobodys")).entries.isEmpty)
        let old = try #require(try store.record(RecordKey(space: "s", kind: "note", id: "ab")))
        try store.append(
            [entry(1_000, "ab", kind: "note", isDeleted: true)], ending: [old.head.position.microseconds])
        let deleted = name("note", "ab")
        #expect(try names(store, RecordQuery(space: "s")) == all.filter { $0 != deleted })
        #expect(try names(store, RecordQuery(space: "s", limit: 5, includesDeleted: true)) == all)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aRecordThatIsRolledBackIsNotListed(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        try store.append([entry(1, "b")])
        #expect(try names(store, RecordQuery(space: "s")) == [name("note", "b")])
        #expect(throws: StoreError.refused("no")) {
            try store.write { (transaction) throws(StoreError) in
                try transaction.append([entry(2, "a")], ending: [], in: "s", head: Position(2))
                throw .refused("no")
            }
        }
        try store.append([entry(3, "c")])
        #expect(try names(store, RecordQuery(space: "s")) == [name("note", "b"), name("note", "c")])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func conflictedRecordsComeWithTheirSiblingsWhole(_ kind: StoreUnderTest) throws {
        let store = try filled(kind)
        let siblings = [
            entry(2_000, "b", body: Array("[1]".utf8), isSibling: true, embedding: [1]),
            entry(2_001, "a", isSibling: true),
            entry(2_002, "b", author: "d2", body: Array("[2]".utf8), isSibling: true),
            entry(2_003, "a", kind: "z", isSibling: true),
        ]
        try store.append(siblings)
        let query = RecordQuery(space: "s", limit: 2, onlyConflicted: true)
        let page = try store.records(query)
        #expect(page.records.map(\.head.change.name) == [name("note", "a"), name("note", "b")])
        #expect(page.records.map(\.siblings) == [[siblings[1]], [siblings[0], siblings[2]]])
        let next = try #require(page.next)
        #expect(!(next < name("note", "b")) && next < name("z", "a") && page.omittedSiblingCount == 0)
        #expect(try names(store, query) == [name("note", "a"), name("note", "b"), name("z", "a")])
        var narrow = query
        (narrow.kind, narrow.limit) = ("note", 1)
        #expect(try names(store, narrow) == [name("note", "a"), name("note", "b")])
        narrow.namespace = "m"
        #expect(try names(store, narrow) == [name("note", "b")])
        // Beside all others they are counted, without their contents.
        let listed = try store.records(RecordQuery(space: "s", kind: "note", idPrefix: "b"))
        #expect(listed.records.map(\.siblings.count) == [2])
        #expect(
            listed.records[0].siblings[0].change.body.isEmpty && listed.records[0].siblings[0].change.embedding == nil)
        #expect(listed.records[0].head.change.body == Array("{}".utf8)[...])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aPageStaysWithinItsBytesButForItsFirstRecord(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let body = [UInt8](repeating: 0x31, count: 1_000)
        try store.append((1...20).map { entry($0, "\($0 + 100)", body: body) })
        let one = entry(1, "101", body: body).change.encodedBytesEstimate
        var query = RecordQuery(space: "s", bytesMax: one * 5 / 2)
        #expect(try store.records(query).records.count == 2)
        #expect(try names(store, query).count == 20)
        query.bytesMax = 0
        #expect(try store.records(query).records.count == 1)
        try store.append((31...40).map { entry($0, "105", body: body, isSibling: true) })
        try store.append([entry(50, "106", body: body, isSibling: true)])
        query.onlyConflicted = true
        query.bytesMax = one * 9 / 2
        let page = try store.records(query)
        #expect(page.records.map(\.siblings.count) == [3] && page.omittedSiblingCount == 7)
        #expect(page.records[0].siblings.map(\.position.microseconds) == [31, 32, 33])
        query.after = page.next
        let rest = try store.records(query)
        #expect(rest.records.map(\.siblings.count) == [1] && rest.omittedSiblingCount == 0 && rest.next == nil)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func filtersThatMatchRarelyEndACallAndTheNextGoesOn(_ kind: StoreUnderTest) throws {
        let store = try kind.open()
        let count = NameScan.scannedMax * 2 + 500
        let last = Int64(count)
        for start in stride(from: Int64(1), through: last, by: 10_000) {
            try store.append(
                (start...min(start + 9_999, last)).map {
                    entry($0, "\($0 + 1_000_000)", namespace: $0 == last ? "rare" : "common")
                })
        }
        var query = RecordQuery(space: "s", namespace: "rare")
        var calls = 0
        var found: [LogEntry] = []
        while true {
            let page = try store.records(query)
            calls += 1
            found += page.records.map(\.head)
            guard let next = page.next else { break }
            query.after = next
        }
        #expect(calls == 3 && found.map(\.position.microseconds) == [last])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aManifestHoldsEveryHeadOfItsRange(_ kind: StoreUnderTest) throws {
        let store = try filled(kind)
        try store.append([entry(3_000, "a", isSibling: true)])
        let old = try #require(try store.record(RecordKey(space: "s", kind: "z", id: "b")))
        try store.append([entry(3_001, "b", kind: "z", isDeleted: true)], ending: [old.head.position.microseconds])
        func entries(_ query: ManifestQuery) throws -> [ManifestEntry] {
            var query = query
            var entries: [ManifestEntry] = []
            while true {
                let page = try store.manifest(query)
                entries += page.entries
                guard let next = page.next else { return entries }
                query.after = next
            }
        }
        for limit in [1, 13, 90, 200] {
            let found = try entries(ManifestQuery(space: "s", limit: limit))
            #expect(found.map(\.name) == all)
            #expect(found.filter(\.isDeleted).map(\.name) == [name("z", "b")])
            let deleted = try #require(found.first { $0.isDeleted })
            #expect(deleted.hash == "h" && deleted.position == Position(3_001))
        }
        let (after, upTo) = (name("note", "b"), name("z", "ab"))
        let range = ManifestQuery(space: "s", kinds: ["z", "nothing", "note"], after: after, upTo: upTo, limit: 3)
        let wanted = all.filter { after < $0 && !(upTo < $0) && ($0.kind == "z" || $0.kind == "note") }
        #expect(try entries(range).map(\.name) == wanted && wanted.count > 5)
        #expect(try store.manifest(ManifestQuery(space: "s", after: upTo, upTo: after)).entries.isEmpty)
    }
}
