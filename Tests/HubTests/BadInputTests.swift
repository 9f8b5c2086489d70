import Causality
import Foundation
import Hub
import HubTesting
import Storage
import Testing
import Wire

@Suite("Bad input", .timeLimit(.minutes(5)))
struct BadInputTests {
    @Test(
        "a message that is no frame is told so, and the session goes on",
        arguments: [
            ("not json", "bad_json"), ("[1]", "bad_frame"), (#"{"type":"sing"}"#, "unknown_frame"),
            (#"{"type":5}"#, "bad_field"), (#"{"id":"x"}"#, "bad_frame"),
            (#"{"type":"push","id":"p","changes":7}"#, "bad_field"), (#"{"type":"push","id":"p"}"#, "missing_field"),
            (#"{"type":"ack","cursor":"nonsense"}"#, "bad_cursor"),
            (#"{"type":"hello","protocol":1,"device":"again"}"#, "hello_repeated"),
        ])
    func badFrames(text: String, code: String) throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello()
        try laptop.send(text: text)
        #expect(try laptop.next("error")["code"] as? String == code)
        #expect(try laptop.push([change("a", ["l": 1], 1)])[0]["verdict"] as? String == "accepted")
    }

    @Test(
        "one bad item is refused alone, with its id and a code",
        arguments: [
            (#"{"kind":"n","id":"bad","clock":{"l":-1},"body":1}"#, "bad_clock"),
            (#"{"kind":"n","id":"bad","clock":{"l":9007199254740993},"body":1}"#, "bad_clock"),
            (#"{"kind":"n","id":"bad","clock":{"":1},"body":1}"#, "bad_clock"),
            (#"{"kind":"n","id":"bad","clock":"x","body":1}"#, "bad_clock"),
            (#"{"kind":"n","id":"bad","clock":{"l":1}}"#, "missing_field"),
            (#"{"kind":7,"id":"bad","clock":{"l":1},"body":1}"#, "bad_field"),
            (#"{"kind":"n","id":"bad","clock":{"l":1},"body":"\ud800"}"#, "lone_surrogate"),
        ])
    func badItems(item: String, code: String) throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello()
        let good = #"{"kind":"n","id":"good","clock":{"l":1},"body":1}"#
        try laptop.send(text: #"{"type":"push","id":"p","changes":[\#(item),\#(good)]}"#)
        let items = try #require(try laptop.next("pushed")["items"] as? [[String: Any]])
        #expect(items[0]["verdict"] as? String == "rejected")
        #expect(items[0]["id"] as? String == "bad")
        #expect(items[0]["error"] as? String == code)
        #expect(items[1]["verdict"] as? String == "accepted")
    }

    @Test("long ids, deep bodies and clocks of over a thousand replicas are refused alone")
    func overLimits() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello()
        let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
        let clock = "{" + (0...1_000).map { "\"r\($0)\":1" }.joined(separator: ",") + "}"
        let long = String(repeating: "i", count: 257)
        try laptop.send(
            text: #"{"type":"push","id":"p","changes":[{"kind":"n","id":"a","clock":{"l":1},"body":\#(deep)},"#
                + #"{"kind":"n","id":"b","clock":\#(clock),"body":1},{"kind":"n","id":"\#(long)","clock":{"l":1},"body":1},"#
                + #"{"kind":"n","id":"d","clock":{"l":1},"body":1}]}"#)
        let items = try #require(try laptop.next("pushed")["items"] as? [[String: Any]])
        #expect(items.map { $0["error"] as? String } == ["too_deep", "bad_clock", "bad_id", nil])
        #expect(items[3]["verdict"] as? String == "accepted")
    }

    @Test("an atomic push that names a record twice, or holds a bad item, writes nothing")
    func atomic() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        try laptop.hello()
        try laptop.send([
            "type": "push", "id": "p", "atomic": true, "changes": [change("a", ["l": 1], 1), change("a", ["l": 2], 2)],
        ])
        #expect(try laptop.next("error")["code"] as? String == "duplicate_record")
        let items = try laptop.push(
            [change("a", ["l": 1], 1), change("b", ["l": -1], 2)], id: "q", ["atomic": true])
        #expect(items.map { $0["error"] as? String } == ["atomic_aborted", "bad_clock"])
        #expect(try hub.request("GET", "/v1/records/note/a").status == 404)
    }

    @Test(
        "a session without a good beginning ends with its code",
        arguments: [
            (#"{"type":"ping"}"#, "hello_required", UInt16(4510)),
            (#"{"type":"hello","protocol":9,"device":"d"}"#, "unsupported_protocol", 4512),
            (#"{"type":"hello","protocol":1,"device":"d","key":"car_12345678_wrong"}"#, "unauthorized", 4520),
        ])
    func badBeginnings(text: String, code: String, closeCode: UInt16) throws {
        let hub = try TestHub()
        let stranger = try TestDevice(port: hub.port, name: "d")
        try stranger.send(text: text)
        #expect(try stranger.next("error")["code"] as? String == code)
        #expect(try stranger.nextFrame() == nil)
        #expect(stranger.closeCode == closeCode)
    }

    @Test("a cursor that is not ours is refused, one of another life of the log is told to resync")
    func cursors() throws {
        let hub = try TestHub()
        let eve = try hub.newKey(user: "eve")
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        let evesDevice = try hub.device("laptop", key: eve)
        try evesDevice.catchUp()
        let foreign = try #require(evesDevice.cursor)
        let own = try Cursor(parsing: try #require(laptop.cursor))
        let earlier = Cursor(generation: Generation(7), spaceTag: own.spaceTag, position: own.position)
        let ahead = Cursor(
            generation: own.generation, spaceTag: own.spaceTag, position: Position(own.position.microseconds + 9))
        for (cursor, code) in [
            ("c1.nonsense", "bad_cursor"), (foreign, "bad_cursor"), (earlier.text, "resync"), (ahead.text, "resync"),
        ] {
            let device = try hub.device("d")
            try device.send(["type": "hello", "protocol": 1, "device": "d", "cursor": cursor])
            #expect(try device.next("error")["code"] as? String == code)
        }
    }

    @Test("bytes that are no HTTP get a 400, and a key in the URL opens nothing")
    func badRequests() throws {
        let hub = try TestHub()
        let refused = try SocketPeer(port: hub.port).exchange("NONSENSE\r\n\r\n")
        #expect(refused.status == 400 && refused.body.contains(#""code":"bad_request""#))
        #expect(try hub.request("GET", "/v1/socket").body.contains(#""code":"bad_request""#))
        let smuggled =
            "POST /v1/push HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        #expect(try SocketPeer(port: hub.port).exchange(smuggled).status == 400)
        let inURL = "GET /v1/status?key=\(hub.key) HTTP/1.1\r\nHost: h\r\n\r\n"
        let told = try SocketPeer(port: hub.port).exchange(inURL)
        #expect(told.status == 400 && told.body.contains(#""code":"key_in_url""#))
    }
}
