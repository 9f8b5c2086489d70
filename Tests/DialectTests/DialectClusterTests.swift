import Causality
import ContextFSDialect
import Foundation
import Hub
import HubTesting
import PostgresStore
import PostgresTesting
import Reactor
import Storage
import Testing

/// Sockets of dialects at one hub, writers and whoever runs it all at another, on one Postgres.
@Suite(
    "Dialects on two hubs", .serialized, .timeLimit(.minutes(5)),
    .enabled(if: PostgresServer.isInstalled, "no Postgres is installed"))
struct DialectClusterTests {
    private struct Pair {
        let hubs: [TestHub]
        let bobKey: String
        let eveKey: String

        init() throws {
            let conninfo = try PostgresServer.shared.freshSchema()
            // Before the hubs begin: they end sockets for each membership that comes later.
            let accounts = Accounts(store: try PostgresStore(conninfo: conninfo))
            var keys: [String] = []
            for user in ["ada", "bob", "eve"] as [Identifier] {
                _ = try accounts.addUser(user)
                keys.append(try accounts.createKey(user: user, label: "test").text)
            }
            _ = try accounts.addTeam("crew")
            for user in ["ada", "bob"] as [Identifier] { try accounts.join("crew", user: user) }
            (bobKey, eveKey) = (keys[1], keys[2])
            hubs = try (0..<2).map { _ in
                try TestHub(
                    store: try PostgresStore(conninfo: conninfo), bus: try PostgresBus(conninfo: conninfo),
                    key: keys[0]
                ) {
                    $0.isShared = true
                    $0.limits.revocationSeconds = 1
                    $0.dialects = [MountedDialect(ContextFSDialect())]
                }
            }
        }

        /// A dashboard at the second hub.
        func dashboard(_ key: String) throws -> ProbeSocket {
            let socket = try ProbeSocket(port: hubs[1].port, "/ws/memories?api_key=\(key)")
            #expect(socket.status == 101)
            #expect(try socket.next()?.contains("connected") == true)
            return socket
        }
    }

    private func memory(_ id: String, _ counter: Int, _ visibility: String) -> [String: Any] {
        var item = change(id, ["a": counter], ["content": "c"], kind: "memory")
        item["visibility"] = visibility
        return item
    }

    /// The code with which it closes; what it tells before is dropped.
    private func end(of socket: ProbeSocket) throws -> UInt16? {
        while try socket.next() != nil {}
        return socket.closeCode
    }

    private func count(_ what: String, _ count: Int) -> String {
        #"{"type":"memory_\#(what)","data":{"count":\#(count)}}"#
    }

    @Test("a teammate's dashboard at another hub hears of what is shared, and of what is private nothing")
    func notices() throws {
        let pair = try Pair()
        let ada = try pair.hubs[0].device("laptop")
        try ada.catchUp()
        let (own, bob, eve) = (
            try pair.dashboard(pair.hubs[0].key), try pair.dashboard(pair.bobKey), try pair.dashboard(pair.eveKey)
        )
        try ada.push([memory("diary", 1, "private"), memory("plan", 1, "team_read")])
        #expect(try own.next() == count("created", 2))
        #expect(try bob.next() == count("created", 1))
        try ada.push([memory("diary", 2, "private")])
        try ada.push([memory("plan", 2, "private")])
        #expect(try bob.next() == count("deleted", 1))
        try ada.push([memory("plan", 3, "team_write")])
        #expect(try bob.next() == count("updated", 1))
        // A team's own space.
        let team = try pair.hubs[0].device("laptop")
        try team.catchUp(["space": "team:crew"])
        try team.push([memory("agenda", 1, "team_write"), memory("mine", 1, "private")])
        #expect(try bob.next() == count("created", 1))
        #expect(try eve.next(seconds: 0.5) == nil && !eve.isClosed)
    }

    @Test("who leaves a team at one hub is let go at the other, with those who saw it by the team")
    func leaving() throws {
        let pair = try Pair()
        let (ada, bob, eve) = (
            try pair.dashboard(pair.hubs[0].key), try pair.dashboard(pair.bobKey), try pair.dashboard(pair.eveKey)
        )
        let guest = try pair.hubs[1].device("phone", key: pair.bobKey)
        try guest.catchUp(["space": "user:ada"])
        #expect(try pair.hubs[0].accounts.leave("crew", user: "bob"))
        #expect(try end(of: bob) == 4521)
        #expect(try end(of: ada) == 1012)
        #expect(try guest.next("error")["code"] as? String == "forbidden")
        let writer = try pair.hubs[0].device("laptop")
        try writer.catchUp()
        // He is let in again, and sees what is his.
        let again = try pair.dashboard(pair.bobKey)
        try writer.push([memory("plan", 1, "team_write")])
        #expect(try again.next(seconds: 0.5) == nil && !again.isClosed)
        #expect(try eve.next(seconds: 0.1) == nil && !eve.isClosed)
    }

    @Test("a key that is revoked at one hub and a hub that stops end them, each with its code")
    func endings() throws {
        let pair = try Pair()
        let (ada, bob) = (try pair.dashboard(pair.hubs[0].key), try pair.dashboard(pair.bobKey))
        let prefix = try pair.hubs[0].accounts.keys(of: "bob")[0].prefix
        #expect(try pair.hubs[0].accounts.revokeKey(prefix: prefix))
        #expect(try end(of: bob) == 4520)
        let refused = try ProbeSocket(port: pair.hubs[1].port, "/ws/memories?api_key=\(pair.bobKey)")
        #expect(refused.status == 403)
        pair.hubs[1].stop()
        #expect(try end(of: ada) == 1001)
    }
}
