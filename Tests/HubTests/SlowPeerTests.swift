import Foundation
import Hub
import HubTesting
import Testing
import WebSocket

/// Peers that send too slowly, stop in the middle, or are gone without a word.
@Suite("Slow and vanished peers", .timeLimit(.minutes(5)))
struct SlowPeerTests {
    /// A place in which a peer may dawdle: what it says at once, and what it repeats byte by byte.
    struct Place: CustomTestStringConvertible {
        let testDescription: String
        let opening: String
        var frames: [UInt8] = []
        var drops: [UInt8]
        var hasSession = false

        static let all: [Place] = [
            Place(testDescription: "request line", opening: "", drops: Array("G".utf8)),
            Place(testDescription: "field", opening: "GET /health HTTP/1.1\r\nX-A: ", drops: Array("a".utf8)),
            Place(
                testDescription: "fields", opening: "GET /health HTTP/1.1\r\nHost: h\r\n", drops: Array("A:b\r\n".utf8)),
            Place(
                testDescription: "body",
                opening:
                    "POST /v1/push HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer KEY\r\nContent-Length: 9999\r\n\r\n",
                drops: Array(" ".utf8)),
            Place(
                testDescription: "chunk size",
                opening: "POST /v1/push HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer KEY\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n",
                drops: Array("0".utf8)),
            Place(
                testDescription: "chunks",
                opening: "POST /v1/push HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer KEY\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n",
                drops: Array("1\r\n \r\n".utf8)),
            Place(
                testDescription: "trailers",
                opening: "POST /v1/push HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer KEY\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n0\r\n",
                drops: Array("A:b\r\n".utf8)),
            Place(testDescription: "frame header before the hello", opening: Opening.upgrade + "\r\n", drops: [0x81]),
            Place(
                testDescription: "pings before the hello", opening: Opening.upgrade + "\r\n",
                drops: [0x89, 0x80, 0, 0, 0, 0]),
            Place(
                testDescription: "frame header", opening: "", frames: [0x81], drops: [], hasSession: true),
            Place(
                testDescription: "frame payload", opening: "", frames: [0x81, 0xfe, 0x40, 0, 0, 0, 0, 0],
                drops: [0x20], hasSession: true),
            Place(
                testDescription: "message without an end", opening: "", frames: [0x01, 0x80, 0, 0, 0, 0],
                drops: [0x00, 0x81, 0, 0, 0, 0, 0x20], hasSession: true),
            Place(
                testDescription: "pings within a message", opening: "", frames: [0x01, 0x80, 0, 0, 0, 0],
                drops: [0x89, 0x80, 0, 0, 0, 0], hasSession: true),
        ]
    }

    @Test("a peer that sends in drops ends at its time, and all that it held is free")
    func drops() throws {
        let hub = try TestHub.impatient()
        // All at once: each would take the same seconds.
        var peers = try Place.all.enumerated().map { number, place in
            let device = place.hasSession ? try hub.device("slow\(number)") : nil
            try device?.hello()
            let peer = try device?.peer ?? SocketPeer(port: hub.port)
            try peer.write(place.opening.replacingOccurrences(of: "KEY", with: hub.key))
            try peer.write(place.frames)
            return (place: place, peer: peer)
        }
        let began = Date()
        while !peers.isEmpty, Date().timeIntervalSince(began) < 30 {
            peers.removeAll { place, peer in
                // A reset is an end, too.
                do { try peer.write(place.drops) } catch { return true }
                // Answers and pings may come before the end.
                var bytes = peer.read(seconds: 0.01)
                while let some = bytes, !some.isEmpty { bytes = peer.read(seconds: 0.001) }
                return bytes == []
            }
        }
        // Requests have 3 seconds, a look at them comes each second, and the machine may be busy.
        #expect(peers.map(\.place.testDescription) == [])
        try hub.expectWell("all of them")
    }

    @Test("a long message that comes on has all the time that it needs")
    func steady() throws {
        let hub = try TestHub.impatient { $0.limits.bodyProgressBytes = 4 << 10 }
        let device = try hub.device("steady")
        try device.hello()
        let padding = String(repeating: "x", count: 40 << 10)
        var bytes: [UInt8] = []
        let frame = #"{"type":"push","id":"p","changes":[{"kind":"n","id":"a","clock":{"s":1},"body":"\#(padding)"}]}"#
        FrameWriter.append(opcode: .text, payload: Array(frame.utf8), maskKey: 7, into: &bytes)
        for start in stride(from: 0, to: bytes.count, by: 1 << 10) {
            try device.peer.write(Array(bytes[start..<min(bytes.count, start + 1 << 10)]))
            Thread.sleep(forTimeInterval: 0.15)
        }
        #expect(try device.next("pushed")["id"] as? String == "p")
    }

    @Test("a machine that loses its power leaves nothing behind, in whatever phase")
    func vanished() throws {
        let hub = try TestHub.impatient()
        let openings = ["", "GET /hea", Opening.upgrade + "\r\n"]
        for opening in openings {
            let peer = try SocketPeer(port: hub.port)
            try peer.write(opening)
            guard peer.vanish() else { return }
        }
        let device = try hub.device("gone")
        try device.catchUp()
        #expect(device.peer.vanish())
        let events = try SocketPeer(port: hub.port)
        try events.write(
            "GET /v1/changes HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\nAuthorization: Bearer \(hub.key)\r\n\r\n"
        )
        _ = try events.read(until: "\r\n\r\n")
        #expect(events.vanish())
        let well = try hub.device("well")
        try well.catchUp()
        #expect(try well.push([change("a", ["w": 1], 1)]).count == 1)
        well.peer.reset()
        try hub.expectWell(seconds: 40)
    }

    @Test("who says that it sends no more is answered what it asked for, and let go")
    func halfClosed() throws {
        let hub = try TestHub.impatient()
        for opening in ["", "GET / HTTP/1.1\r\nHo", Opening.upgrade + "\r\n"] {
            let peer = try SocketPeer(port: hub.port)
            try peer.write(opening)
            peer.endWriting()
            var rest = peer.read(seconds: 10)
            while let bytes = rest, !bytes.isEmpty { rest = peer.read(seconds: 10) }
            #expect(rest == [], "\(opening.prefix(20))")
        }
        let device = try hub.device("half")
        try device.catchUp()
        device.peer.endWriting()
        while try device.nextFrame(seconds: 10) != nil {}
        #expect(device.isClosed)
        try hub.expectWell()
    }

    @Test("a session that is reset after any byte of it leaves a hub that serves on")
    func resets() throws {
        let hub = try TestHub.impatient()
        let upgrade = Array((Opening.upgrade + "Authorization: Bearer \(hub.key)\r\n\r\n").utf8)
        var frames: [UInt8] = []
        for text in [
            #"{"type":"hello","protocol":1,"device":"reset"}"#,
            #"{"type":"push","id":"p","changes":[{"kind":"n","id":"a","clock":{"r":1},"body":{"t":"x"}}]}"#,
            #"{"type":"ping","id":"1"}"#, #"{"type":"bye"}"#,
        ] { FrameWriter.append(opcode: .text, payload: Array(text.utf8), maskKey: 0x1234_5678, into: &frames) }
        let script = upgrade + frames
        for count in 0...script.count {
            let peer = try SocketPeer(port: hub.port)
            try peer.write(Array(script[..<min(count, upgrade.count)]))
            if count > upgrade.count {
                _ = try peer.read(until: "\r\n\r\n")
                try? peer.write(Array(script[upgrade.count..<count]))
            }
            peer.reset()
        }
        try hub.expectWell()
    }
}
