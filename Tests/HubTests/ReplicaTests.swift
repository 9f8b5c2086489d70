import Causality
import Foundation
import Hub
import HubTesting
import Storage
import Testing

/// A replica that serves reads, and never more than it has replayed.
@Suite("Read replica", .timeLimit(.minutes(5)))
struct ReplicaTests {
    /// The primary with its replica, which replays when it is told to.
    private struct Pair {
        let primary = WatchedStore()
        let replica = WatchedStore(MemoryStore(generation: Generation(42)))
        let hub: TestHub
        let laptop: TestDevice

        init() throws {
            hub = try TestHub(store: primary, pullStore: replica)
            laptop = try hub.device("laptop")
            try laptop.hello(["live": false])
        }

        var space: Identifier {
            get throws { try #require(try primary.accounts.user(named: "ada")).space }
        }

        func replay() throws {
            let space = try space
            let from = try replica.head(of: space)
            let page = try primary.page(PageQuery(space: space, after: from))
            try replica.write { (transaction) throws(StoreError) in
                _ = try transaction.lockHead(of: space)
                try transaction.append(page.entries, ending: [], in: space, head: page.upTo)
            }
        }
    }

    private func cursor(_ body: String) throws -> String {
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
        return try #require(object?["cursor"] as? String)
    }

    @Test("pulls, records and exports are the replica's as far as it is, and the store's beyond")
    func reads() throws {
        let pair = try Pair()
        try pair.laptop.push([change("a", ["l": 1], 1)])
        try pair.replay()
        try pair.laptop.push([change("b", ["l": 1], 1)])
        let primaryPages = pair.primary.pageCount
        let first = try pair.hub.request("GET", "/v1/pull")
        #expect(first.body.contains(#""id":"a""#) && !first.body.contains(#""id":"b""#))
        // The page that the replica gives says how far it has looked, and no further.
        let second = try pair.hub.request("GET", "/v1/pull?cursor=\(try cursor(first.body))")
        #expect(second.status == 200 && !second.body.contains(#""id":"b""#))
        let export = String(decoding: try pair.hub.export().readToEnd(), as: UTF8.self)
        #expect(export.contains(#""id":"a""#) && !export.contains(#""id":"b""#))
        #expect(try pair.hub.request("GET", "/v1/records/note/a").status == 200)
        #expect(pair.primary.pageCount == primaryPages)
        // Live reads are the store's, and so is a pull from where the replica is not yet.
        let phone = try pair.hub.device("phone")
        #expect(try phone.catchUp().count == 2)
        let far = try #require(phone.cursor)
        try pair.laptop.push([change("c", ["l": 1], 1)])
        let third = try pair.hub.request("GET", "/v1/pull?cursor=\(far)")
        #expect(third.status == 200 && third.body.contains(#""id":"c""#))
        #expect(pair.hub.hub.metrics.replicaMisses >= 1)
    }

    @Test("where the replica is away, or of another life, the store is read")
    func fallback() throws {
        let pair = try Pair()
        try pair.laptop.push([change("a", ["l": 1], 1)])
        pair.replica.goAway(true)
        #expect(try pair.hub.request("GET", "/v1/pull").body.contains(#""id":"a""#))
        let export = String(decoding: try pair.hub.export().readToEnd(), as: UTF8.self)
        #expect(export.contains(#""id":"a""#))
        pair.replica.goAway(false)
        pair.replica.beginAnew()
        #expect(try pair.hub.request("GET", "/v1/pull").body.contains(#""id":"a""#))
    }

    @Test("metrics are told to whoever has a key, as counters that Prometheus reads")
    func metrics() throws {
        let hub = try TestHub()
        let phone = try hub.device("phone")
        try phone.catchUp()
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        try laptop.push([change("a", ["l": 1], 1)])
        let answer = try hub.request("GET", "/metrics")
        #expect(answer.status == 200 && answer.head.contains("text/plain; version=0.0.4"))
        #expect(answer.body.contains("# TYPE carillon_announced_batches_total counter\n"))
        #expect(answer.body.contains("\ncarillon_announced_batches_total 1\n"))
        #expect(try hub.request("GET", "/metrics", key: "car_nobody").status == 401)
    }
}
