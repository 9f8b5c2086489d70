import Foundation
import Hub
import HubTesting
import Testing

/// JSON that is small to write and large to read.
@Suite("JSON bombs", .timeLimit(.minutes(5)))
struct JSONBombTests {
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let body: String
        /// Nil: it is taken as it is.
        let code: String?
    }

    static let cases: [Case] = [
        Case(testDescription: "depth of 64", body: nested(64), code: nil),
        Case(testDescription: "depth of 65", body: nested(65), code: "too_deep"),
        Case(testDescription: "depth of 400,000", body: nested(400_000), code: "too_deep"),
        Case(
            testDescription: "objects to a depth of 100,000",
            body: String(repeating: "{\"a\":", count: 100_000) + "1" + String(repeating: "}", count: 100_000),
            code: "too_deep"),
        Case(testDescription: "1e999999", body: "1e999999", code: nil),
        Case(testDescription: "an exponent of 100,000 digits", body: "1e" + digits(100_000), code: nil),
        Case(testDescription: "a number of 100,000 digits", body: digits(100_000), code: nil),
        Case(testDescription: "a fraction of 100,000 digits", body: "0." + digits(100_000), code: nil),
        Case(testDescription: "-0", body: "-0", code: nil),
        Case(testDescription: "duplicate fields", body: #"{"a":1,"a":2,"a":{"a":1,"a":2}}"#, code: nil),
        Case(testDescription: "200,000 fields", body: fields(200_000), code: nil),
        Case(testDescription: "half of a surrogate pair", body: #""\ud83d""#, code: "lone_surrogate"),
        Case(testDescription: "a pair that is turned around", body: #""\udd14\ud83e""#, code: "lone_surrogate"),
        Case(testDescription: "half in a field's name", body: #"{"\udc00":1}"#, code: "lone_surrogate"),
        Case(testDescription: "an escaped NUL", body: #""a\u0000b""#, code: nil),
    ]

    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }

    private static func digits(_ count: Int) -> String { String(repeating: "9", count: count) }

    private static func fields(_ count: Int) -> String {
        "{" + (0..<count).map { "\"f\($0)\":\($0)" }.joined(separator: ",") + "}"
    }

    @Test("a body that is a bomb is refused alone or stored as it is, within a second", arguments: cases)
    func bombs(bomb: Case) throws {
        let hub = try TestHub.impatient()
        let device = try hub.device("bomber")
        try device.hello(["live": false])
        let good = #"{"kind":"n","id":"good","clock":{"b":1},"body":1}"#
        let began = Date()
        try device.send(
            text: #"{"type":"push","id":"p","changes":[{"kind":"n","id":"bomb","clock":{"b":1},"body":"#
                + bomb.body + "},\(good)]}")
        let answer = try #require(try device.nextFrame(seconds: 20))
        #expect(Date().timeIntervalSince(began) < 15)
        if answer["type"] as? String == "pushed" {
            let items = try #require(answer["items"] as? [[String: Any]])
            #expect(items[0]["error"] as? String == bomb.code)
            #expect(items[1]["verdict"] as? String == "accepted")
        } else {
            // The depth of a whole message is bounded, too.
            #expect(answer["code"] as? String == bomb.code && bomb.code != nil)
        }
        if bomb.code == nil {
            #expect(try hub.request("GET", "/v1/records/n/bomb").body.contains(bomb.body.prefix(1_000)))
        }
        device.peer.reset()
        try hub.expectWell(bomb.testDescription)
    }

    @Test(
        "frames whose own fields are bombs are told so, and the session goes on",
        arguments: [
            #"{"type":"push","id":"p","changes":[{"kind":"n","id":"x","clock":{"b":1e999999},"body":1}]}"#,
            #"{"type":"push","id":"p","changes":[{"kind":"n","id":"x","clock":{"b":99999999999999999999999},"body":1}]}"#,
            #"{"type":"push","id":"p","changes":[{"kind":"n","id":"x","clock":{"b":1},"updated_at":1e400,"body":1}]}"#,
            #"{"type":"push","id":"p","changes":[{"kind":"n","id":"x","clock":{"b":1},"schema_version":-1e30,"body":1}]}"#,
            #"{"type":"push","id":"p","changes":[{"kind":"n","id":"x","clock":{"b":1},"embedding":[1e999],"body":1}]}"#,
            #"{"type":"push","type":"ping","id":"1","id":"2"}"#,
            #"{"type":"\ud800"}"#, #"{"type":"ping","id":"\udfff"}"#, #"{"type":"ack","cursor":"\u0000"}"#,
            "[" + String(repeating: "[", count: 60_000), String(repeating: "{\"a\":", count: 20_000), "nul", "1e", "\"",
            "{\"type\":\"ping\",\"id\":\(String(repeating: "1", count: 50_000))}", "", " ", "\u{feff}{}",
        ])
    func frames(text: String) throws {
        let hub = try TestHub.impatient()
        let device = try hub.device("bomber")
        try device.hello(["live": false])
        try device.send(text: text)
        let answer = try #require(try device.nextFrame())
        #expect(["error", "pushed", "pong"].contains(answer["type"] as? String))
        if !device.isClosed, answer["fatal"] as? Bool != true {
            try device.send(text: #"{"type":"ping","id":"after"}"#)
            while let frame = try device.nextFrame() {
                if frame["id"] as? String == "after" { break }
            }
            #expect(!device.isClosed)
        }
        device.peer.reset()
        try hub.expectWell()
    }
}
