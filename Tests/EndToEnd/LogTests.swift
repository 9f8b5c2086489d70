import Foundation
import Glibc
import HubTesting
import Logging
import Reactor
import Testing

@testable import carillon

/// What a hub writes to standard error.
@Suite("Log", .timeLimit(.minutes(5)))
struct LogTests {
    private func json(_ bytes: [UInt8]) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    @Test("whatever a message and its metadata hold, a line is one line, and JSON gives them back")
    func escaping() throws {
        let evil = "a\"b\\c\nd\r\u{1b}[31m\u{85}\u{2028}\u{202e}\u{0} level=error é🔔"
        for format in [LogFormat.json, .text] {
            let line = format.line(
                at: 1_767_323_045_678_901, .info, label: "carillon\n", evil,
                ["conn": "7", "x\ny": "\(evil)", "time": "z"])
            let text = String(decoding: line, as: UTF8.self)
            #expect(text.unicodeScalars.count { $0 == "\n" } == 1 && text.hasSuffix("\n"))
            let isSafe = text.unicodeScalars.dropLast().allSatisfy {
                $0.properties.generalCategory != .control && $0 != "\u{2028}" && $0 != "\u{202e}"
            }
            #expect(isSafe)
            #expect(text.contains("2026-01-02T03:04:05.678Z") && text.contains("é🔔"))
        }
        let line = LogFormat.json.line(at: 0, .warning, label: "l", evil, ["v": "\(evil)", "time": "z"])
        let object = try json(line)
        #expect(object["message"] as? String == evil && object["v"] as? String == evil)
        #expect(object["time"] as? String == "1970-01-01T00:00:00.000Z" && object["time_"] as? String == "z")
        #expect(object["level"] as? String == "warning" && object["label"] as? String == "l")
        let pair = String(
            decoding: LogFormat.text.line(at: 0, .info, label: "l", "m", ["a": "b c=\"d\""]), as: UTF8.self)
        #expect(pair == "1970-01-01T00:00:00.000Z info l: m a=\"b c=\\\"d\\\"\"\n")
    }

    @Test("a pipe that nobody reads holds nobody up, and how much was left out is told")
    func unreadPipe() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let sink = LogSink(descriptor: ends[1], pendingBytesMax: 100_000) { Array("left out \($0)\n".utf8) }
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 99) + [UInt8(ascii: "\n")]
        let begun = Date()
        for _ in 0..<10_000 { sink.take(line) }
        #expect(Date().timeIntervalSince(begun) < 2)
        let handle = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        let (done, text) = (DispatchSemaphore(value: 0), Guarded(""))
        let (reading, writing) = (ends[0], ends[1])
        Thread.detachNewThread {
            var all: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(reading, &buffer, buffer.count), count > 0 { all += buffer[..<count] }
            text.withLock { $0 = String(decoding: all, as: UTF8.self) }
            done.signal()
        }
        sink.finish()
        close(writing)
        done.wait()
        let lines = text.withLock { $0 }.split(separator: "\n")
        let leftOut = lines.compactMap { $0.hasPrefix("left out ") ? Int($0.dropFirst(9)) : nil }.reduce(0, +)
        #expect(leftOut > 0 && leftOut + lines.count { $0.hasPrefix("x") } == 10_000)
        withExtendedLifetime(handle) {}
    }

    @Test("lines about a session carry its connection, user, device and peer, and never a key or a body")
    func session() throws {
        let hub = try HubProcess(options: ["--quick-start", "--log-level", "debug"])
        let device = try TestDevice(port: hub.port, name: "laptop", key: hub.key)
        try device.catchUp()
        _ = try device.push([change("a", ["l": 1], "the-secret-body")])
        try device.send(["type": "bye"])
        while try device.nextFrame() != nil {}
        #expect(hub.stop() == 0)
        let lines = try hub.program.errorText.split(separator: "\n").map { try json(Array($0.utf8)) }
        func line(_ message: String) throws -> [String: Any] {
            try #require(lines.first { $0["message"] as? String == message }, "\(message)")
        }
        let began = try line("session began")
        let ended = try line("session ended")
        for line in [began, ended] {
            #expect(line["device"] as? String == "laptop" && line["user"] as? String != nil)
            #expect((line["peer"] as? String)?.hasPrefix("127.0.0.1:") == true)
        }
        #expect(began["conn"] as? String == ended["conn"] as? String && began["conn"] != nil)
        #expect(ended["pushes"] as? String == "1" && ended["reason"] as? String == "close 1000")
        #expect(
            lines.contains {
                $0["message"] as? String == "connected" && $0["conn"] as? String == began["conn"] as? String
            })
        #expect(try line("listens")["address"] as? String == "127.0.0.1:\(hub.port)")
        _ = try line("drains")
        _ = try line("drained")
        let text = hub.program.errorText
        #expect(!text.contains(hub.key) && !text.contains("the-secret-body"))
    }
}
