import Causality
import Foundation
import HubTesting
import Reactor
import Testing

@testable import Hub

@Suite("Rates", .timeLimit(.minutes(5)))
struct RateTests {
    @Test("a key that asks too fast is told to wait, and another is not")
    func requestsOfKey() throws {
        let hub = try TestHub { $0.limits.requestsPerSecondPerKeyMax = 2 }
        let other = try hub.newKey(user: "bob")
        let answers = try (0..<12).map { _ in try hub.request("GET", "/v1/status") }
        #expect(answers.first?.status == 200)
        let refused = try #require(answers.first { $0.status == 429 })
        #expect(refused.head.contains("Retry-After: 1") && refused.body.contains(#""code":"rate_limited""#))
        #expect(try hub.request("GET", "/v1/status", key: other).status == 200)
        #expect(hub.hub.metrics.refusals[.requestRate] ?? 0 > 0)
    }

    @Test("requests that are answered make room for others of the key")
    func requestsInFlight() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) { $0.limits.requestsInFlightPerKeyMax = 1 }
        store.holdHeads(true)
        let slow = try SocketPeer(port: hub.port)
        try slow.write("GET /v1/pull HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n\r\n")
        #expect(try eventually { store.heldHeadCount == 1 })
        var refused = 0
        for _ in 0..<100 where refused == 0 {
            if try hub.request("GET", "/v1/nothing").status == 429 { refused += 1 }
        }
        store.holdHeads(false)
        #expect(try slow.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
        for _ in 0..<3 { #expect(try hub.request("GET", "/v1/status").status == 200) }
    }

    @Test("who sends a body in drops holds no place among the requests in flight, and one too many waits")
    func requestsInFlightInAll() throws {
        let store = WatchedStore()
        let hub = try TestHub(store: store) { $0.limits.requestsInFlightMax = 1 }
        let dripping = try (0..<4).map { _ in try SocketPeer(port: hub.port) }
        for peer in dripping {
            try peer.write(
                "POST /v1/push HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 100\r\n\r\n{")
        }
        #expect(try hub.request("GET", "/v1/status").status == 200)
        store.holdHeads(true)
        let slow = try SocketPeer(port: hub.port)
        try slow.write("GET /v1/pull HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n\r\n")
        #expect(try eventually { store.heldHeadCount == 1 })
        var refused = 0
        for _ in 0..<100 where refused == 0 {
            let answer = try hub.request("GET", "/v1/nothing")
            if answer.status == 503, answer.head.contains("Retry-After: ") { refused += 1 }
        }
        #expect(refused == 1)
        store.holdHeads(false)
        #expect(try slow.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
        #expect(try hub.request("GET", "/v1/status").status == 200)
    }

    @Test("a key holds so many sessions and streams: one more is told when to come back, and comes when one has gone")
    func connectionsOfKey() throws {
        let hub = try TestHub { $0.limits.connectionsPerKeyMax = 1 }
        var first: TestDevice? = try hub.device("a")
        try first?.hello(["live": false])
        let second = try hub.device("b")
        try second.send(["type": "hello", "protocol": 1, "device": "b", "key": hub.key])
        let error = try second.next("error")
        #expect(error["code"] as? String == "rate_limited" && error["retry_after_ms"] as? Int ?? 0 >= 500)
        #expect(try second.nextFrame() == nil && second.closeCode == 4033)
        #expect(try hub.request("GET", "/v1/changes?wait=1").status == 429)
        first = nil
        var third: TestDevice?
        for _ in 0..<100 where third == nil {
            let device = try hub.device("c")
            try device.send(["type": "hello", "protocol": 1, "device": "c", "key": hub.key, "live": false])
            if try device.nextFrame()?["type"] as? String == "welcome" { third = device }
        }
        #expect(third != nil)
    }

    @Test("a device that pushes faster than it may is held up, and nothing of it is lost or refused")
    func pushes() throws {
        let hub = try TestHub { $0.limits.changesPerSecondOfDeviceMax = 50 }
        let device = try hub.device("d")
        try device.hello(["live": false])
        let began = Date()
        for push in 0..<6 {
            let changes = (0..<50).map { change("\(push)-\($0)", ["d": 1], 1) }
            try device.send(["type": "push", "id": "\(push)", "changes": changes])
        }
        for push in 0..<6 {
            let answer = try #require(try device.nextFrame(seconds: 20))
            #expect(answer["type"] as? String == "pushed" && answer["id"] as? String == "\(push)")
        }
        // All may have come in one piece; what is pushed behind them has to wait.
        try device.push([change("last", ["d": 1], 1)])
        #expect(Date().timeIntervalSince(began) > 3)
        #expect(try hub.request("GET", "/health").status == 200)
    }

    @Test("an address with too many wrong keys is told to wait, and its good keys are served all the same")
    func wrongKeys() throws {
        let hub = try TestHub {
            $0.limits.countsLoopback = true
            $0.limits.loginTriesFree = 2
        }
        let wrong = String(hub.key.dropLast(2)) + (hub.key.hasSuffix("aa") ? "bb" : "aa")
        let answers = try (0..<4).map { _ in try hub.request("GET", "/v1/status", key: wrong) }
        #expect(answers.map(\.status) == [401, 401, 401, 429])
        #expect(answers.last?.head.contains("Retry-After: 1") == true)
        let device = try hub.device("d", key: wrong)
        try device.send(["type": "hello", "protocol": 1, "device": "d", "key": wrong])
        #expect(try device.next("error")["code"] as? String == "rate_limited")
        #expect(try hub.request("GET", "/v1/status").status == 200)
        #expect(hub.hub.metrics.refusals[.loginRate] == 2)
    }

    @Test("each failure past the free ones costs twice the pause, up to the longest, and all is forgotten in time")
    func pauses() {
        var limits = HubLimits()
        limits.loginTriesFree = 1
        limits.loginPauseSecondsMax = 5
        let penalties = LoginPenalties(limits)
        let address = AddressBlock(of: .ipv4(192, 0, 2, 1, port: 0))
        var now: UInt64 = 1 << 60
        #expect(penalties.failed(from: address, now: now) == nil)
        for pause in [1, 2, 4, 5, 5] {
            #expect(penalties.failed(from: address, now: now) == nil)
            #expect(penalties.failed(from: address, now: now) == pause * 1_000 + 1)
            now += UInt64(pause) * 1_000_000_000
        }
        now += UInt64(limits.loginMemorySeconds + 1) * 1_000_000_000
        for _ in 0..<2 { #expect(penalties.failed(from: address, now: now) == nil) }
    }

    @Test("an account that others try to get into is open to who was in it before from the same address")
    func account() {
        var limits = HubLimits()
        limits.loginTriesFree = 1
        let penalties = LoginPenalties(limits)
        let now: UInt64 = 1 << 60
        let (home, elsewhere) = (
            AddressBlock(of: .ipv4(192, 0, 2, 1, port: 0)), AddressBlock(of: .ipv4(198, 51, 100, 1, port: 0))
        )
        penalties.succeeded(account: "ada", from: home)
        for number in 0..<2 {
            let attacker = AddressBlock(of: .ipv4(203, 0, 113, UInt8(number), port: 0))
            penalties.failed(account: "ada", from: attacker, now: now)
        }
        #expect(penalties.wait(account: "ada", from: elsewhere, now: now) == 1_001)
        #expect(penalties.wait(account: "ada", from: home, now: now) == nil)
        #expect(penalties.wait(account: "bob", from: elsewhere, now: now) == nil)
    }

    @Test("a table of what was seen is bounded, and what is in use stays")
    func tables() {
        var table = RecentTable<Int, Int>(countMax: 100)
        table.set(-1, 7)
        for key in 0..<10_000 {
            table.set(key, key)
            if key % 20 == 0, let value = table[-1] { table.set(-1, value) }
        }
        #expect(table.count <= 100 && table[-1] == 7 && table[0] == nil && table[9_999] == 9_999)
    }
}
