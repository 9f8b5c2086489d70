import Causality
import Foundation
import HubTesting
import Storage
import Testing
import Wire

@testable import Hub

/// Listings by name for those who may not see all: none names what is hidden, also not as the place to go on.
@Suite("Listings of what is shared", .timeLimit(.minutes(5)))
struct ShownListingTests {
    private let viewer = Viewer(user: "bob", standing: .guest)

    /// `shown` of `count` records, by number, are for the team; every one has a sibling.
    private func fill(_ store: any Store, count: Int, shown: Set<Int>) throws {
        let journal = Journal(store: store)
        for replica in ["a", "b"] as [Identifier] {
            let changes = (0..<count).map { number in
                Change(
                    kind: "note", id: Identifier(unchecked: String(format: "%05d", number)),
                    clock: VectorClock([.init(replica: replica, counter: 1)]),
                    hash: Identifier(unchecked: "h\(replica)"),
                    body: Array("{}".utf8)[...], visibility: shown.contains(number) ? .teamRead : .private)
            }
            let push = Submission(space: "ada", author: "d", replica: replica, changes: changes)
            _ = try journal.commit([push], now: Position(1))
        }
    }

    @Test("go on behind what was shown, and find all of it", arguments: HubStore.allCases, [1, 7, 1_000])
    func records(_ kind: HubStore, limit: Int) throws {
        let store = try kind.open()
        let shown: Set<Int> = [0, 1, 40, 41, 700, 1_299]
        try fill(store, count: 1_500, shown: shown)
        for onlyConflicted in [false, true] {
            let listing = ShownListing(store: store, viewer: viewer)
            var query = RecordQuery(space: "ada", limit: limit, onlyConflicted: onlyConflicted)
            var found: [RecordName] = []
            for _ in 0..<20 {
                let page = try listing.records(query)
                #expect(page.records.count <= limit)
                found += page.records.map(\.head.change.name)
                guard let next = page.next else { break }
                #expect(next == found.last)
                query.after = next
            }
            #expect(found.map(\.id.text) == shown.sorted().map { String(format: "%05d", $0) })
        }
    }

    @Test("compare as far as something was shown or told", arguments: HubStore.allCases, [1, 100, 10_000])
    func manifest(_ kind: HubStore, limit: Int) throws {
        let store = try kind.open()
        try fill(store, count: 300, shown: [40, 41, 250])
        let told = ["00002", "00170", "00200x"].map {
            DiffRequest.Item(name: RecordName(kind: "note", id: Identifier(unchecked: $0)), hash: "h")
        }
        let listing = ShownListing(store: store, viewer: viewer)
        var query = ManifestQuery(space: "ada", limit: limit)
        var found: [String] = []
        var isAtEnd = false
        for _ in 0..<300 where !isAtEnd {
            let page = try listing.manifest(query, besides: told)
            found += page.entries.map(\.name.id.text)
            isAtEnd = page.next == nil
            guard let next = page.next else { break }
            #expect(found.contains(next.id.text) || told.contains { $0.name == next })
            query.after = next
        }
        #expect(isAtEnd && found == ["00040", "00041", "00250"])
    }

    @Test("over REST hold no hidden name, in hexadecimal neither", arguments: HubStore.allCases)
    func tokens(_ kind: HubStore) throws {
        let store = try kind.open()
        let hub = try TestHub(store: store)
        let bob = try hub.newKey(user: "bob")
        let team = Team(id: "t_1", name: "crew")
        try store.accounts.add(team)
        for user in try store.accounts.users() {
            try store.accounts.setMember(Membership(teamID: team.id, userID: user.id, role: .member))
        }
        let ada = try hub.device("adas")
        try ada.catchUp()
        for (number, visibility) in ["private", "team_read", "private", "private", "team_read", "private"].enumerated()
        {
            for replica in ["a", "b"] {
                var item = change("\(number)\(visibility)", [replica: 1], replica)
                item["visibility"] = visibility
                try ada.push([item])
            }
        }
        let hex = "private".utf8.map { String($0, radix: 16) }.joined()
        for target in ["records", "conflicts"] {
            var after = ""
            var pages = 0
            while pages < 10 {
                pages += 1
                let answer = try hub.request("GET", "/v1/\(target)?space=user:ada&limit=1&after=\(after)", key: bob)
                #expect(answer.status == 200 && !answer.body.contains(hex) && !answer.body.contains("private"))
                guard let next = answer.body.split(separator: "\"next\":\"").dropFirst().first else { break }
                after = String(next.prefix { $0 != "\"" })
            }
            #expect(pages == 3, "\(target)")
        }
    }
}
