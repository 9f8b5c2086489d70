import Foundation
import Hub
import HubTesting
import Logging
import Reactor
import Storage
import Testing

/// What a hub tells its operators, and how often.
@Suite("Lines of the log", .timeLimit(.minutes(5)))
struct LogLineTests {
    @Test("a store that goes away is told once, and once that it is back, however often a commit is tried")
    func storeAway() throws {
        let (store, lines) = (WatchedStore(writesBlock: true), LogLines(logLevel: .notice))
        let hub = try TestHub(store: store, log: lines)
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        store.goAway(true)
        let before = store.writeCount
        try laptop.send(["type": "push", "id": "p", "changes": [change("a", ["l": 1], 1)]])
        #expect(try eventually { store.writeCount > before + 3 })
        #expect(lines.named("the store is away, pushes wait for it").count == 1)
        #expect(lines.named("the store is back").isEmpty)
        store.goAway(false)
        _ = try laptop.next("pushed")
        #expect(try eventually { lines.named("the store is back").count == 1 })
        #expect(lines.named("the store is away, pushes wait for it").count == 1)
    }

    @Test("a commit that takes longer than the named time is warned of")
    func slowCommit() throws {
        let (store, lines) = (WatchedStore(writesBlock: true), LogLines())
        let hub = try TestHub(store: store, log: lines) { $0.limits.slowCommitMilliseconds = 200 }
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        _ = try laptop.push([change("a", ["l": 1], 1)])
        store.slowWrites(seconds: 0.4)
        _ = try laptop.push([change("a", ["l": 2], 1)])
        #expect(try eventually { lines.named("a commit was slow").count == 1 })
        let line = try #require(lines.named("a commit was slow").first)
        #expect((line.metadata["milliseconds"].flatMap { Int($0) } ?? 0) >= 400 && line.metadata["pushes"] == "1")
    }

    @Test("what peers bring about is told so many times a second, and then how often it was left out")
    func flood() throws {
        let (store, lines) = (WatchedStore(), LogLines(logLevel: .notice))
        let hub = try TestHub(store: store, log: lines) {
            $0.limits.noticesPerSecondMax = 2
            $0.limits.sweepSeconds = 1
        }
        _ = try hub.request("GET", "/v1/pull")
        store.goAway(true)
        let begun = Date()
        let count = 60
        for _ in 0..<count { #expect(try hub.request("GET", "/v1/pull").status == 503) }
        let seconds = Int(Date().timeIntervalSince(begun)) + 2
        func leftOut() -> Int {
            lines.named("lines of the log were left out").compactMap { $0.metadata["lines"].flatMap { Int($0) } }
                .reduce(0, +)
        }
        let told = lines.named("a request failed in the store").count
        #expect(told >= 1 && told <= 2 * seconds)
        #expect(try eventually { leftOut() == count - told })
    }

    @Test("a session's lines carry its connection through the move to its home shard, and how it ended")
    func session() throws {
        let lines = LogLines(logLevel: .debug)
        let hub = try TestHub(shardCount: 4, log: lines)
        for number in 0..<6 {
            let device = try hub.device("device\(number)")
            try device.catchUp()
            try device.send(["type": "bye"])
            while try device.nextFrame() != nil {}
        }
        #expect(try eventually { lines.named("session ended").count == 6 })
        let (begun, ended) = (lines.named("session began"), lines.named("session ended"))
        #expect(Set(begun.compactMap { $0.metadata["conn"] }).count == 6)
        for line in begun {
            let number = try #require(line.metadata["conn"])
            let own = ended.filter { $0.metadata["conn"] == number }
            #expect(own.count == 1 && own[0].metadata["device"] == line.metadata["device"])
            #expect(own[0].metadata["frames"] == "2" && own[0].metadata["user"] == "ada")
            #expect(own[0].metadata["reason"] == "close 1000", "\(own)")
            #expect(lines.named("connected").contains { $0.metadata["conn"] == number })
        }
    }
}
