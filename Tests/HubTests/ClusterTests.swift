import Causality
import Foundation
import Hub
import HubTesting
import Storage
import Testing

/// Several hubs on one store, in one process.
@Suite("Several hubs", .timeLimit(.minutes(5)))
struct ClusterTests {
    /// Hubs on one store, with one user.
    private struct Cluster {
        let store: any Store
        let board: Switchboard?
        let hubs: [TestHub]

        init(
            _ count: Int = 2, store: any Store = MemoryStore(generation: Generation(42)),
            board: Switchboard? = Switchboard(), configure: (inout HubConfiguration) -> Void = { _ in }
        ) throws {
            self.store = store
            self.board = board
            var hubs: [TestHub] = []
            for _ in 0..<count {
                hubs.append(
                    try TestHub(store: store, bus: board?.port(), key: hubs.first?.key, configure: configure))
            }
            self.hubs = hubs
        }
    }

    private func ids(_ changes: [[String: Any]]) -> [String] { changes.compactMap { $0["id"] as? String } }

    @Test("a push at one hub reaches the devices of the others, read once for each hub")
    func once() throws {
        let store = WatchedStore()
        let cluster = try Cluster(store: store) { $0.limits.pollMilliseconds = 60_000 }
        let pusher = try cluster.hubs[0].device("pusher")
        try pusher.catchUp()
        let others = try (0..<20).map { try cluster.hubs[1].device("d\($0)") }
        for device in others { try device.catchUp() }
        let before = store.pageCount
        try pusher.push([change("a", ["l": 1], 1)])
        for device in others { #expect(ids(try device.changes(count: 1)) == ["a"]) }
        #expect(store.pageCount == before + 1)
        #expect(cluster.hubs[1].hub.metrics.foreignReads == 1 && cluster.hubs[0].hub.metrics.foreignReads == 0)
        #expect(others.allSatisfy { $0.gaps.isEmpty })
    }

    @Test("a commit that is told of while an earlier one is read is read behind it, not with the next poll")
    func toldMeanwhile() throws {
        let store = WatchedStore()
        let cluster = try Cluster(store: store) { $0.limits.pollMilliseconds = 60_000 }
        let (pusher, phone) = (try cluster.hubs[0].device("pusher"), try cluster.hubs[1].device("phone"))
        try pusher.catchUp()
        try phone.catchUp()
        let before = store.pageCount
        store.holdPages(true)
        try pusher.push([change("a", ["l": 1], 1)])
        #expect(try eventually { store.pageCount > before })
        let heard = cluster.hubs[1].hub.metrics.busLinesReceived
        try pusher.push([change("b", ["l": 1], 1)])
        #expect(try eventually { cluster.hubs[1].hub.metrics.busLinesReceived > heard })
        store.holdPages(false)
        #expect(ids(try phone.changes(count: 2)) == ["a", "b"])
        #expect(phone.gaps.isEmpty)
    }

    @Test("with the bus dumb, gone or never there, a push reaches the devices of other hubs within a second")
    func polled() throws {
        for (board, isDumb) in [(Switchboard(), true), (Switchboard(), false), (nil, false)] {
            let cluster = try Cluster(board: board) { $0.isShared = true }
            let (pusher, phone) = (try cluster.hubs[0].device("pusher"), try cluster.hubs[1].device("phone"))
            try pusher.catchUp()
            try phone.catchUp()
            if isDumb { board?.fault = .drops } else { board?.disconnect() }
            for index in 0..<3 {
                let begun = Date()
                try pusher.push([change("\(index)", ["l": 1], 1)])
                #expect(ids(try phone.changes(count: 1)) == ["\(index)"])
                #expect(Date().timeIntervalSince(begun) < 1.5)
            }
            #expect(phone.gaps.isEmpty)
        }
    }

    @Test(
        "devices of three hubs see every change once and in order, whatever becomes of the lines",
        arguments: [Switchboard.Fault.none, .drops, .swaps, .delays(seconds: 0.05)], [false, true])
    func order(_ fault: Switchboard.Fault, _ carriesPayloads: Bool) throws {
        let board = Switchboard(carriesPayloads: carriesPayloads)
        board.fault = fault
        let cluster = try Cluster(3, board: board) { $0.limits.pollMilliseconds = 200 }
        let pushers = try cluster.hubs.enumerated().map { try $1.device("pusher\($0)") }
        let readers = try cluster.hubs.enumerated().map { try $1.device("reader\($0)") }
        for device in pushers { try device.hello(["live": false]) }
        for device in readers { try device.catchUp() }
        let rounds = 40
        for round in 0..<rounds {
            for (number, pusher) in pushers.enumerated() {
                let sent = change("\(number).\(round)", ["p\(number)": round + 1], round)
                try pusher.send(["type": "push", "id": "\(round)", "changes": [sent]])
            }
        }
        for pusher in pushers { for _ in 0..<rounds { _ = try pusher.next("pushed") } }
        for reader in readers {
            let changes = try reader.changes(count: rounds * 3)
            let positions = changes.compactMap { $0["position"] as? Int }
            #expect(positions == positions.sorted() && Set(positions).count == rounds * 3)
            #expect(Set(ids(changes)).count == rounds * 3)
            #expect(reader.gaps.isEmpty)
        }
    }

    @Test("where the bus carries payloads nothing is read of a commit that chains on")
    func payloads() throws {
        let store = WatchedStore()
        let cluster = try Cluster(store: store, board: Switchboard(carriesPayloads: true)) {
            $0.limits.pollMilliseconds = 60_000
        }
        let (pusher, phone) = (try cluster.hubs[0].device("pusher"), try cluster.hubs[1].device("phone"))
        try pusher.catchUp()
        try phone.catchUp()
        let before = store.pageCount
        for index in 0..<5 { try pusher.push([change("\(index)", ["l": 1], ["n": index])]) }
        let changes = try phone.changes(count: 5)
        #expect(ids(changes) == ["0", "1", "2", "3", "4"])
        #expect(changes.compactMap { ($0["body"] as? [String: Int])?["n"] } == [0, 1, 2, 3, 4])
        #expect(store.pageCount == before && cluster.hubs[1].hub.metrics.foreignPayloads == 5)
    }

    @Test("lines and payloads that are no hub's are passed over, and the store is what is true")
    func nonsense() throws {
        let board = Switchboard(carriesPayloads: true)
        let cluster = try Cluster(board: board) { $0.limits.pollMilliseconds = 60_000 }
        let (pusher, phone) = (try cluster.hubs[0].device("pusher"), try cluster.hubs[1].device("phone"))
        try pusher.catchUp()
        try phone.catchUp()
        try pusher.push([change("a", ["l": 1], 1)])
        #expect(ids(try phone.changes(count: 1)) == ["a"])
        let line = try #require(board.messages.last { $0.line.contains(" committed ") })
        let words = line.line.split(separator: " ")
        let (generation, space, upTo) = (words[2], words[3], words[5])
        let stranger = "ffffffffffffffff"
        for text in [
            "", " ", "x", "\(stranger)", "\(stranger) committed", "\(stranger) committed \(generation)",
            "\(stranger) committed \(generation) \(space)", "\(stranger) committed \(generation) \(space) 1 -1",
            "\(stranger) committed \(generation) \(space) zzzzzzzzzzzzzzzzzzzz zzzzzzzzzzzzzzzzzzzzzzz",
            "\(stranger) committed \(generation) %ff 1 2", "\(stranger) committed \(generation) % 1 2",
            "\(stranger) seated a b", "\(stranger) seated a b c d", "\(stranger) streams a -1", "\(stranger) later x",
            "\(stranger) committed " + String(repeating: "x", count: 9_000), "\u{0}\n",
        ] {
            board.inject(BusMessage(line: text))
        }
        // A head that nobody has written, and a stretch that is not what the log holds.
        board.inject(BusMessage(line: "\(stranger) committed \(generation) \(space) \(upTo) 1ekegbk7q77"))
        for payload: [UInt8] in [
            [1], [1, 255, 255, 255, 255], [2, 0, 0, 0, 0], [1, 1, 0, 0, 0] + Array(repeating: UInt8(7), count: 60),
        ] {
            board.inject(
                BusMessage(
                    line: "\(stranger) committed \(generation) \(space) \(upTo) 1ekegbk7q7", payload: payload))
        }
        // Far behind a gap that the log does not have.
        var payload = line.payload
        payload.removeLast(1)
        board.inject(
            BusMessage(
                line: "\(stranger) committed \(generation) \(space) 1ekegbk7q7 1ekegbk7q8", payload: payload))
        try pusher.push([change("b", ["l": 1], 1)])
        #expect(ids(try phone.changes(count: 1)) == ["b"])
        #expect(phone.gaps.isEmpty && !phone.isClosed)
        #expect(cluster.hubs[1].hub.metrics.busLinesDropped >= 16)
    }

    @Test("a device's later session ends the earlier one at another hub, and stays")
    func laterSession() throws {
        let cluster = try Cluster()
        let first = try cluster.hubs[0].device("phone")
        try first.catchUp()
        let second = try cluster.hubs[1].device("phone")
        try second.catchUp()
        #expect(try first.next("error")["code"] as? String == "replaced")
        let third = try cluster.hubs[0].device("phone")
        try third.catchUp()
        #expect(try second.next("error")["code"] as? String == "replaced")
        // An old line, told again: the older loses, and the later one says so.
        let board = try #require(cluster.board)
        let old = try #require(board.messages.first { $0.line.contains(" seated ") })
        board.inject(BusMessage(line: "ffffffffffffffff" + old.line.dropFirst(16)))
        let pusher = try cluster.hubs[1].device("pusher")
        try pusher.catchUp()
        try pusher.push([change("a", ["l": 1], 1)])
        #expect(ids(try third.changes(count: 1)) == ["a"])
    }

    @Test("a hub whose clock is a year ahead ends no later session of a device elsewhere")
    func wrongClock() throws {
        let cluster = try Cluster()
        let (phone, pusher) = (try cluster.hubs[1].device("phone"), try cluster.hubs[0].device("pusher"))
        try phone.catchUp()
        try pusher.catchUp()
        let board = try #require(cluster.board)
        let user = try #require(try cluster.store.accounts.user(named: "ada")).id
        let stamp = Int64(Date(timeIntervalSinceNow: 365 * 86_400).timeIntervalSince1970 * 1_000_000)
        board.inject(
            BusMessage(line: "ffffffffffffffff seated \(user.text) phone \(String(stamp, radix: 36))"))
        try pusher.push([change("a", ["l": 1], 1)])
        #expect(ids(try phone.changes(count: 1)) == ["a"] && !phone.isClosed)
    }

    @Test("a device that is removed and a key that is revoked end what they have open at every hub")
    func takenBack() throws {
        let cluster = try Cluster { $0.limits.revocationSeconds = 1 }
        let (phone, laptop) = (try cluster.hubs[1].device("phone"), try cluster.hubs[1].device("laptop"))
        try phone.catchUp()
        try laptop.catchUp()
        #expect(try cluster.hubs[0].request("DELETE", "/v1/devices/phone").status == 204)
        #expect(try phone.next("error")["code"] as? String == "unknown_device")
        // It comes back as another replica; the look that finds the removal leaves that alone.
        let again = try cluster.hubs[1].device("phone")
        try again.catchUp()
        let key = try cluster.hubs[0].accounts.keys(of: "ada")[0]
        try again.push([change("a", ["l": 1], 1)])
        #expect(ids(try laptop.changes(count: 1)) == ["a"])
        _ = try cluster.hubs[0].accounts.revokeKey(prefix: key.prefix)
        #expect(try laptop.next("error")["code"] as? String == "unauthorized")
        #expect(try again.next("error")["code"] as? String == "unauthorized")
    }

    @Test("a device is online while it has a session at some hub")
    func presence() throws {
        let cluster = try Cluster()
        func online() throws -> Bool {
            let body = try cluster.hubs[0].request("GET", "/v1/devices").body
            return body.contains(#""id":"phone""#) && body.contains(#""online":true"#)
        }
        let phone = try cluster.hubs[1].device("phone")
        #expect(try !online())
        try phone.catchUp()
        #expect(try eventually { try online() })
        let moved = try cluster.hubs[0].device("phone")
        try moved.catchUp()
        #expect(try phone.next("error")["code"] as? String == "replaced")
        Thread.sleep(forTimeInterval: 2.5)
        #expect(try online())
        try moved.send(["type": "bye"])
        #expect(try eventually { try !online() })
    }

    @Test("the allowance of streams is of all hubs together, and a hub that stops gives its part back")
    func allowance() throws {
        let cluster = try Cluster { configuration in
            configuration.limits.streamsPerUserMax = 3
            configuration.limits.pollMilliseconds = 100
        }
        func open(_ hub: TestHub) throws -> StreamPeer {
            try StreamPeer(port: hub.port, "/v1/changes", key: hub.key, fields: "Accept: text/event-stream\r\n")
        }
        let held = try (0..<3).map { _ in try open(cluster.hubs[0]) }
        #expect(held.allSatisfy { $0.status == 200 })
        #expect(try eventually { try open(cluster.hubs[1]).status == 429 })
        cluster.hubs[0].stop()
        #expect(try eventually { try open(cluster.hubs[1]).status == 200 })
    }

    @Test("when the log begins another life all devices of all hubs are told to read it anew")
    func newLife() throws {
        let store = WatchedStore()
        let cluster = try Cluster(store: store) { $0.limits.pollMilliseconds = 100 }
        let phones = try cluster.hubs.enumerated().map { try $1.device("phone\($0)") }
        for phone in phones { try phone.catchUp() }
        let stream = try StreamPeer(
            port: cluster.hubs[1].port, "/v1/changes", key: cluster.hubs[1].key,
            fields: "Accept: text/event-stream\r\n")
        _ = try stream.next("synced")
        store.beginAnew()
        for phone in phones { #expect(try phone.next("error")["code"] as? String == "resync") }
        #expect(try stream.next("error").json["code"] as? String == "resync")
        let anew = try cluster.hubs.enumerated().map { try $1.device("phone\($0)") }
        for phone in anew {
            try phone.catchUp()
            #expect(phone.welcome["generation"] as? String == Generation(43).text)
        }
        try anew[0].push([change("a", ["l": 1], 1)])
        #expect(ids(try anew[1].changes(count: 1)) == ["a"])
    }

    @Test("a stretch that is too large to announce is read by every subscriber for itself")
    func largeStretch() throws {
        let cluster = try Cluster { configuration in
            configuration.limits.stretchEntriesMax = 10
            configuration.limits.pageEntriesMax = 20
        }
        let (pusher, phone) = (try cluster.hubs[0].device("pusher"), try cluster.hubs[1].device("phone"))
        try pusher.catchUp()
        try phone.catchUp()
        try pusher.push((0..<100).map { change("\($0)", ["l": 1], $0) })
        #expect(try phone.changes(count: 100).count == 100)
        #expect(phone.gaps.isEmpty && cluster.hubs[1].hub.metrics.largeGaps >= 1)
    }
}
