import Causality
import Foundation
import Hub
import HubTesting
import Storage
import Testing

@Suite("Live delivery", .timeLimit(.minutes(5)))
struct LiveDeliveryTests {
    @Test("a change pushed on one device arrives on the other two, its body as it was sent")
    func pushReachesOthers() throws {
        let hub = try TestHub()
        let pusher = try hub.device("laptop")
        let phone = try hub.device("phone")
        let tablet = try hub.device("tablet")
        for device in [pusher, phone, tablet] { try device.catchUp() }
        let body = #"{"text": "grüße\u0000", "n":1.50, "a" : [1,  2]}"#
        try pusher.send(
            text: #"{"type":"push","id":"p1","changes":[{"kind":"note","id":"a","clock":{"l":1},"body":\#(body)}]}"#)
        let items = try pusher.next("pushed")["items"] as? [[String: Any]]
        #expect(items?.first?["verdict"] as? String == "accepted")
        for device in [phone, tablet] {
            let heard = try device.changes(count: 1)
            #expect(heard[0]["id"] as? String == "a")
            #expect((heard[0]["body"] as? [String: Any])?["text"] as? String == "grüße\0")
            #expect(device.gaps.isEmpty)
        }
    }

    @Test("the pusher is not told its own change either where it was registered by a clock ahead of the log's")
    func noEchoBySkew() throws {
        let hub = try TestHub()
        let user = try #require(try hub.store.accounts.user(named: "ada"))
        let hour = Position(Int64(Date(timeIntervalSinceNow: 3_600).timeIntervalSince1970 * 1_000_000))
        try hub.store.accounts.register(
            Device(
                userID: user.id, id: "laptop", replica: "laptop.1", name: "laptop", platform: "", registeredAt: hour,
                lastSeenAt: hour))
        let (laptop, phone) = (try hub.device("laptop"), try hub.device("phone"))
        let stream = try StreamPeer(
            port: hub.port, "/v1/changes", key: hub.key,
            fields: "Accept: text/event-stream\r\nX-Carillon-Device: laptop\r\n")
        _ = try stream.next("synced")
        try laptop.catchUp()
        try phone.catchUp()
        try laptop.push([change("a", ["l": 1], 1)])
        try phone.push([change("b", ["p": 1], 2)])
        #expect(try laptop.changes(count: 1).map { $0["id"] as? String } == ["b"])
        #expect(try stream.changes(count: 1).map { $0["id"] as? String } == ["b"])
        #expect(laptop.gaps.isEmpty && stream.gaps.isEmpty)
    }

    @Test("the pusher is not told its own change, and its chain moves past it")
    func noEcho() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        let phone = try hub.device("phone")
        try laptop.catchUp()
        try phone.catchUp()
        let before = laptop.cursor
        try laptop.push([change("a", ["l": 1], 1)])
        try phone.push([change("b", ["p": 1], 2)])
        let heard = try laptop.changes(count: 1)
        #expect(heard.map { $0["id"] as? String } == ["b"])
        #expect(laptop.cursor != before)
        #expect(laptop.gaps.isEmpty)
    }

    @Test("a device that was away hears what it missed and goes on live, with no gap and nothing twice")
    func catchUpThenLive() throws {
        let hub = try TestHub { $0.limits.pageEntriesMax = 7 }
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        for round in 0..<10 {
            try laptop.push((0..<10).map { change("\(round)-\($0)", ["l": 1], $0) }, id: "\(round)")
        }
        let phone = try hub.device("phone")
        try phone.hello()
        for round in 10..<20 {
            try laptop.push((0..<10).map { change("\(round)-\($0)", ["l": 1], $0) }, id: "\(round)")
        }
        let heard = try phone.changes(count: 200)
        #expect(Set(heard.compactMap { $0["id"] as? String }).count == 200)
        let positions = heard.compactMap { $0["position"] as? Int }
        #expect(positions == positions.sorted() && Set(positions).count == 200)
        #expect(phone.gaps.isEmpty)
    }

    @Test("a cursor resumes exactly behind the frame that carried it")
    func resume() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        var phone = try hub.device("phone")
        try phone.catchUp()
        try laptop.push([change("a", ["l": 1], 1)])
        _ = try phone.changes(count: 1)
        let cursor = try #require(phone.cursor)
        try laptop.push([change("b", ["l": 1], 1), change("c", ["l": 1], 1)])
        phone = try hub.device("phone")
        let missed = try phone.catchUp(["cursor": cursor])
        #expect(missed.compactMap { $0["id"] as? String } == ["b", "c"])
        #expect(phone.gaps.isEmpty)
    }

    @Test("filters by kind and namespace let through what they name, and the chain stays whole")
    func filters() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let phone = try hub.device("phone")
        try phone.catchUp(["kinds": ["todo"], "namespaces": ["home"]])
        try laptop.push([change("n", ["l": 1], 1, kind: "note")])
        var todo = change("t1", ["l": 1], 1, kind: "todo")
        try laptop.push([todo])
        todo["id"] = "t2"
        todo["namespace"] = "home"
        try laptop.push([todo])
        let heard = try phone.changes(count: 1)
        #expect(heard.map { $0["id"] as? String } == ["t2"])
        #expect(phone.gaps.isEmpty)
        let again = try hub.device("phone2")
        let caught = try again.catchUp(["kinds": ["todo"]])
        #expect(caught.map { $0["id"] as? String } == ["t1", "t2"])
    }

    @Test("a subscriber that does not read is fed from the log when it does, and misses nothing")
    func slowSubscriber() throws {
        let hub = try TestHub { $0.limits.outboxBytesMax = 64 << 10 }
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let slow = try hub.device("slow", receiveBufferBytes: 4_096)
        let quick = try hub.device("quick")
        try slow.catchUp()
        try quick.catchUp()
        let text = String(repeating: "x", count: 20_000)
        for index in 0..<400 { try laptop.push([change("\(index)", ["l": 1], text)], id: "\(index)") }
        #expect(try quick.changes(count: 400).count == 400)
        let heard = try slow.changes(count: 400)
        #expect(heard.compactMap { $0["id"] as? String } == (0..<400).map(String.init))
        #expect(slow.gaps.isEmpty && quick.gaps.isEmpty)
    }

    @Test("concurrent edits: the second is kept as a sibling, everybody is told, a resolution by name ends it")
    func conflict() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        let phone = try hub.device("phone")
        let tablet = try hub.device("tablet")
        for device in [laptop, phone, tablet] { try device.catchUp() }
        try laptop.push([change("a", ["l": 1], "one")])
        let verdict = try phone.push([change("a", ["p": 1], "two")])[0]
        #expect(verdict["verdict"] as? String == "conflict")
        #expect((verdict["stored"] as? [String: Any])?["body"] as? String == "one")
        let told = try tablet.next("conflict")["change"] as? [String: Any]
        #expect(told?["body"] as? String == "two")
        try laptop.send([
            "type": "resolve", "id": "r",
            "change": [
                "kind": "note", "id": "a", "clock": ["l": 2], "body": "both",
                "supersedes": [["l": 1], ["p": 1]],
            ] as [String: Any],
        ])
        let resolved = try laptop.next("pushed")["items"] as? [[String: Any]]
        #expect(resolved?.first?["verdict"] as? String == "accepted")
        let late = try hub.device("late")
        let all = try late.catchUp()
        #expect(all.map { $0["body"] as? String } == ["both"])
        #expect(tablet.gaps.isEmpty)
    }

    @Test("a later live session of a device takes the place of the earlier one; one that only pushes does not")
    func replaced() throws {
        let hub = try TestHub()
        let first = try hub.device("phone")
        try first.catchUp()
        let pusher = try hub.device("phone")
        try pusher.hello(["live": false])
        let second = try hub.device("phone")
        try second.catchUp()
        #expect(try first.next("error")["code"] as? String == "replaced")
        #expect(try first.nextFrame() == nil)
        #expect(first.closeCode == 4523)
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        try laptop.push([change("a", ["l": 1], 1)])
        #expect(try second.changes(count: 1).count == 1)
        #expect(try pusher.push([change("b", ["p": 1], 1)])[0]["verdict"] as? String == "accepted")
    }

    @Test("stopping says bye with a delay to come back, after the last push is answered")
    func bye() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        for index in 0..<20 {
            try laptop.send(["type": "push", "id": "\(index)", "changes": [change("\(index)", ["l": 1], index)]])
        }
        _ = try laptop.next("pushed")
        hub.stop()
        let bye = try laptop.next("bye")
        #expect((bye["reconnect_after_ms"] as? Int ?? 0) >= 500)
        #expect(try laptop.nextFrame() == nil)
        #expect(laptop.closeCode == 4000)
    }

    @Test("the devices of a user gather on one shard, up to a limit, and hear each other there and beyond it")
    func gatherOnOneShard() throws {
        let hub = try TestHub(shardCount: 4) { $0.limits.homeDevicesMax = 6 }
        var devices: [TestDevice] = []
        for number in 0..<12 {
            let device = try hub.device("d\(number)")
            try device.catchUp()
            devices.append(device)
        }
        let shards = devices.compactMap { ($0.welcome["session"] as? String)?.split(separator: ".").first }
        #expect(shards.count == 12)
        #expect(Set(shards.prefix(6)).count == 1)
        #expect(Set(shards).count > 1)
        for (number, device) in devices.enumerated() {
            try device.push([change("r\(number)", [device.replica: 1], number)])
            for other in devices where other !== device {
                let heard = try other.changes(count: 1)
                #expect(heard[0]["id"] as? String == "r\(number)")
                #expect(other.gaps.isEmpty)
            }
        }
    }

    @Test("a device that sends pushes right behind its hello is served, wherever its home is", arguments: 0..<4)
    func pushesBehindTheHello(_ number: Int) throws {
        let hub = try TestHub(shardCount: 4)
        let peers = try (0..<4).map { try hub.device("d\($0)") }
        let device = peers[number]
        try device.send(["type": "hello", "protocol": 1, "device": device.name])
        for push in 0..<5 {
            try device.send([
                "type": "push", "id": "p\(push)", "changes": [change("r\(push)", ["x": 1], push)],
            ])
        }
        for push in 0..<5 { #expect(try device.next("pushed")["id"] as? String == "p\(push)") }
    }
}
