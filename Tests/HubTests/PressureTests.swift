import Causality
import Foundation
import Hub
import HubTesting
import Testing
import WebSocket

@Suite("Pressure", .timeLimit(.minutes(5)))
struct PressureTests {
    @Test("a peer that does not read is not listened to, and all is answered when it reads again")
    func unreadAnswers() throws {
        let hub = try TestHub { $0.limits.outboxBytesMax = 32 << 10 }
        let device = try hub.device("d", receiveBufferBytes: 4_096)
        try device.hello(["live": false])
        let count = 20_000
        var bytes: [UInt8] = []
        for index in 0..<count {
            let ping = Array(#"{"type":"ping","id":"\#(index)"}"#.utf8)
            FrameWriter.append(opcode: .text, payload: ping, maskKey: 7, into: &bytes)
        }
        let peer = Writing(peer: device.peer, bytes: bytes)
        Thread { peer.run() }.start()
        Thread.sleep(forTimeInterval: 0.5)
        for index in 0..<count {
            let pong = try #require(try device.nextFrame())
            #expect(pong["id"] as? String == String(index))
        }
    }

    @Test("pushes past what a lane is to hold wait in their socket: none is refused, and another user's go through")
    func crowdedLane() throws {
        let store = WatchedStore(writesBlock: true)
        store.slowWrites(seconds: 0.01)
        let hub = try TestHub(store: store) {
            $0.limits.bytesPerCommitMax = 64 << 10
            $0.limits.laneMarkBytes = 64 << 10
            // A receive buffer of pushes may come on top of the mark; all that is sent is six times as much.
            $0.limits.laneBytesMax = 512 << 10
        }
        let device = try hub.device("d")
        try device.hello(["live": false])
        let neighbour = try hub.device("n", key: try hub.newKey(user: "bob"))
        try neighbour.hello(["live": false])
        let (count, text) = (60, String(repeating: "x", count: 48 << 10))
        var bytes: [UInt8] = []
        for index in 0..<count {
            let change = #"{"kind":"k","id":"\#(index)","clock":{"d":1},"body":"\#(text)"}"#
            let push = #"{"type":"push","id":"\#(index)","changes":[\#(change)]}"#
            FrameWriter.append(opcode: .text, payload: Array(push.utf8), maskKey: 7, into: &bytes)
        }
        let peer = Writing(peer: device.peer, bytes: bytes)
        Thread { peer.run() }.start()
        let items = try neighbour.push([change("1", ["n": 1], "small")])
        #expect(items.first?["verdict"] as? String == "accepted")
        for index in 0..<count {
            let answer = try #require(try device.nextFrame())
            #expect(answer["type"] as? String == "pushed" && answer["id"] as? String == String(index))
        }
    }

    @Test("a device that begins anew and is cut off in the middle still gets its own earlier changes")
    func interruptedRestart() throws {
        let hub = try TestHub { $0.limits.pageEntriesMax = 5 }
        var laptop = try hub.device("laptop")
        try laptop.catchUp()
        try laptop.push((0..<23).map { change("\($0)", ["l": 1], $0) })
        laptop = try hub.device("laptop")
        try laptop.hello()
        let first = try laptop.changes(count: 5)
        let cursor = try #require(laptop.cursor)
        laptop = try hub.device("laptop")
        let rest = try laptop.catchUp(["cursor": cursor])
        #expect(Set((first + rest).compactMap { $0["id"] as? String }).count == 23)
        #expect(laptop.gaps.isEmpty)
    }

    @Test("a stranger's large message ends the session before it is read")
    func strangersMessage() throws {
        let hub = try TestHub()
        let stranger = try TestDevice(port: hub.port, name: "d")
        try? stranger.send(text: "[" + String(repeating: "1,", count: 50_000) + "1]")
        #expect(try stranger.nextFrame() == nil)
        #expect(stranger.closeCode == 1009)
    }

    @Test("a body without a key is refused at its head")
    func keylessBody() throws {
        let hub = try TestHub()
        let answer = try SocketPeer(port: hub.port).exchange(
            "POST /v1/push HTTP/1.1\r\nHost: h\r\nContent-Length: 16000000\r\n\r\n{")
        #expect(answer.status == 401)
        #expect(answer.head.contains("Connection: close"))
    }

    @Test("a slow download is not silence")
    func slowDownload() throws {
        let hub = try TestHub {
            $0.limits.sweepSeconds = 1
            $0.limits.handshakeSeconds = 1
            $0.limits.headSeconds = 1
            $0.limits.helloSeconds = 1
            $0.limits.bodyProgressSeconds = 1
        }
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let text = String(repeating: "x", count: 40_000)
        for index in 0..<20 {
            try laptop.push((0..<10).map { change("\(index)-\($0)", ["l": 1], text) })
        }
        let peer = try SocketPeer(port: hub.port, receiveBufferBytes: 4_096)
        try peer.write("GET /v1/pull HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n\r\n")
        let head = try peer.read(until: "\r\n\r\n")
        Thread.sleep(forTimeInterval: 3.5)
        let length = try #require(head.firstMatch(of: /Content-Length: (\d+)/)?.output.1)
        #expect(try peer.read(count: try #require(Int(length))).count > 8_000_000)
    }

    @Test("requests that come behind an answer nobody reads wait, and are all answered in the end")
    func pipelinedDownloads() throws {
        let hub = try TestHub { $0.limits.outboxBytesMax = 64 << 10 }
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        try laptop.push([change("a", ["l": 1], String(repeating: "x", count: 400_000))])
        let peer = try SocketPeer(port: hub.port, receiveBufferBytes: 4_096)
        let request = "GET /v1/pull HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n\r\n"
        try peer.write(String(repeating: request, count: 30))
        Thread.sleep(forTimeInterval: 0.3)
        for _ in 0..<30 { #expect(try peer.exchange("").body.utf8.count > 400_000) }
    }

    @Test("HEAD is answered wherever GET is, without a body")
    func head() throws {
        let hub = try TestHub()
        let peer = try SocketPeer(port: hub.port)
        try peer.write("HEAD /v1/status HTTP/1.1\r\nHost: h\r\nX-API-Key: \(hub.key)\r\n\r\n")
        #expect(try peer.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
        #expect(try peer.exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n").body.contains("ok"))
    }
}

/// Writes to a peer from a thread of its own.
// @unchecked: the test reads and this writes; a socket is two streams, and only reading has state.
private final class Writing: @unchecked Sendable {
    private let peer: SocketPeer
    private let bytes: [UInt8]

    init(peer: SocketPeer, bytes: [UInt8]) {
        self.peer = peer
        self.bytes = bytes
    }

    func run() {
        try? peer.write(bytes)
    }
}
