import Foundation
import Hub
import HubTesting
import Reactor
import Testing

@Suite("Long bodies", .timeLimit(.minutes(5)))
struct LongBodyTests {
    /// Bounds so small that a kilobyte is a long body.
    private static func small(_ configuration: inout HubConfiguration) {
        configuration.limits.dialectMemoryBodyBytesMax = 1_000
        configuration.limits.spoolPieceBytes = 300
        configuration.limits.spoolAheadBytesMax = 600
    }

    private static func head(_ hub: TestHub, _ framing: String, key: Bool = true) -> String {
        "PUT /probe HTTP/1.1\r\nHost: localhost\r\n\(key ? "X-API-Key: \(hub.key)\r\n" : "")\(framing)\r\n\r\n"
    }

    private static func chunked(_ body: [UInt8], step: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            let piece = rest.prefix(step)
            rest = rest.dropFirst(piece.count)
            bytes += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8)
        }
        return bytes + Array("0\r\n\r\n".utf8)
    }

    private func answer(_ peer: SocketPeer, seconds: Double = 30) throws -> (status: Int, body: String) {
        let head = try peer.read(until: "\r\n\r\n", seconds: seconds)
        var length = 0
        for line in head.lowercased().split(separator: "\r\n") where line.hasPrefix("content-length:") {
            length = Int(line.dropFirst(15).trimmingCharacters(in: .whitespaces)) ?? 0
        }
        let body = String(decoding: try peer.read(count: length), as: UTF8.self)
        return (Int(head.split(separator: " ")[1]) ?? 0, body)
    }

    private func happens(_ isThere: () -> Bool) -> Bool {
        for _ in 0..<500 {
            if isThere() { return true }
            usleep(10_000)
        }
        return false
    }

    // MARK: Coming in

    @Test("a body reaches its route whole, in memory or in a file", arguments: [0, 1, 999, 1_000, 1_001, 5_003])
    func wholeBodies(count: Int) throws {
        let hub = try TestHub.probing(configure: LongBodyTests.small)
        let body = ProbeDialect.body(count)
        let peer = try SocketPeer(port: hub.port)
        try peer.write(Array(LongBodyTests.head(hub, "Content-Length: \(count)").utf8) + body)
        #expect(try answer(peer) == (200, "probe: \(count) true"))
        // The same connection, by chunks.
        try peer.write(
            Array(LongBodyTests.head(hub, "Transfer-Encoding: chunked").utf8) + LongBodyTests.chunked(body, step: 77))
        #expect(try answer(peer) == (200, "probe: \(count) true"))
        #expect(happens { hub.hub.spooledBytes == 0 })
    }

    @Test("a body may come octet by octet")
    func octets() throws {
        let hub = try TestHub.probing(configure: LongBodyTests.small)
        let peer = try SocketPeer(port: hub.port)
        try peer.write(LongBodyTests.head(hub, "Transfer-Encoding: chunked"))
        for octet in LongBodyTests.chunked(ProbeDialect.body(2_500), step: 1) { try peer.write([octet]) }
        #expect(try answer(peer) == (200, "probe: 2500 true"))
    }

    @Test("100 MB come through, two at once")
    func hundredMegabytes() throws {
        let hub = try TestHub.probing()
        let count = 100_000_000
        let peers = try (0..<2).map { _ in try SocketPeer(port: hub.port) }
        for peer in peers { try peer.write(LongBodyTests.head(hub, "Content-Length: \(count)")) }
        var sent = 0
        while sent < count {
            let piece = Array(ProbeDialect.block.prefix(count - sent))
            for peer in peers { try peer.write(piece) }
            sent += piece.count
        }
        for peer in peers { #expect(try answer(peer) == (200, "probe: \(count) true")) }
        #expect(happens { hub.hub.spooledBytes == 0 })
    }

    @Test("a body that ends early reaches no route, and its place is free again")
    func cutOff() throws {
        let dialect = ProbeDialect()
        let hub = try TestHub.probing(dialect, configure: LongBodyTests.small)
        do {
            let peer = try SocketPeer(port: hub.port)
            try peer.write(Array(LongBodyTests.head(hub, "Content-Length: 9000").utf8) + ProbeDialect.body(8_999))
            #expect(happens { hub.hub.spooledBytes == 9_000 })
        }
        #expect(happens { hub.hub.spooledBytes == 0 })
        #expect(dialect.askedCount.withLock { $0 } == 0)
    }

    @Test("a body over the route's bound is refused at its head, in the dialect's form")
    func tooLong() throws {
        let hub = try TestHub.probing(ProbeDialect(bodyBytesMax: 3_000), configure: LongBodyTests.small)
        for fields in ["Content-Length: 3001", "Expect: 100-continue\r\nContent-Length: 3001"] {
            let peer = try SocketPeer(port: hub.port)
            try peer.write(LongBodyTests.head(hub, fields))
            #expect(try answer(peer) == (413, "probe: too large"))
        }
        let peer = try SocketPeer(port: hub.port)
        try peer.write(
            Array(LongBodyTests.head(hub, "Transfer-Encoding: chunked").utf8)
                + LongBodyTests.chunked(ProbeDialect.body(3_001), step: 100))
        #expect(try answer(peer) == (413, "probe: too large"))
        #expect(happens { hub.hub.spooledBytes == 0 })
    }

    @Test("who waits for leave to send gets it when the body is within the bound")
    func expectation() throws {
        let hub = try TestHub.probing(configure: LongBodyTests.small)
        let peer = try SocketPeer(port: hub.port)
        try peer.write(LongBodyTests.head(hub, "Expect: 100-continue\r\nContent-Length: 3001"))
        #expect(try peer.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100"))
        try peer.write(ProbeDialect.body(3_001))
        #expect(try answer(peer) == (200, "probe: 3001 true"))
    }

    @Test("a body without a key is refused before it comes")
    func stranger() throws {
        let hub = try TestHub.probing()
        let peer = try SocketPeer(port: hub.port)
        try peer.write(LongBodyTests.head(hub, "Content-Length: 90000000", key: false))
        #expect(try answer(peer) == (401, "probe: no key"))
    }

    @Test("a long body under a key that is none is refused while it comes, and takes no room from others")
    func wrongKey() throws {
        let dialect = ProbeDialect()
        let hub = try TestHub.probing(dialect) {
            LongBodyTests.small(&$0)
            $0.limits.spooledBytesMax = 5_000
        }
        let key = String(hub.key.dropLast()) + (hub.key.hasSuffix("A") ? "B" : "A")
        for framing in ["Content-Length: 5000", "Transfer-Encoding: chunked"] {
            let peer = try SocketPeer(port: hub.port)
            let head = LongBodyTests.head(hub, "X-API-Key: \(key)\r\n\(framing)", key: false)
            let chunk = Array("5dc\r\n".utf8) + ProbeDialect.body(1_500) + Array("\r\n".utf8)
            try peer.write(Array(head.utf8) + (framing.hasPrefix("C") ? ProbeDialect.body(1_500) : chunk))
            #expect(try answer(peer) == (401, "probe: no key"))
            #expect(happens { hub.hub.spooledBytes == 0 })
        }
        #expect(dialect.askedCount.withLock { $0 } == 0)
    }

    @Test("past the bound of all files together who comes is told to come again")
    func placeIsFull() throws {
        let hub = try TestHub.probing {
            LongBodyTests.small(&$0)
            $0.limits.spooledBytesMax = 5_000
        }
        let first = try SocketPeer(port: hub.port)
        try first.write(LongBodyTests.head(hub, "Content-Length: 4000"))
        #expect(happens { hub.hub.spooledBytes == 4_000 })
        let second = try SocketPeer(port: hub.port)
        try second.write(LongBodyTests.head(hub, "Content-Length: 1001"))
        #expect(try answer(second) == (503, "probe: overloaded"))
        let third = try SocketPeer(port: hub.port)
        try third.write(
            Array(LongBodyTests.head(hub, "Transfer-Encoding: chunked").utf8)
                + LongBodyTests.chunked(ProbeDialect.body(1_100), step: 50))
        #expect(try answer(third) == (503, "probe: overloaded"))
        try first.write(ProbeDialect.body(4_000))
        #expect(try answer(first) == (200, "probe: 4000 true"))
    }

    @Test("where no file can be made the answer says so, and nothing waits")
    func noFolder() throws {
        let hub = try TestHub.probing {
            LongBodyTests.small(&$0)
            $0.spoolFolder = "/nowhere/at/all"
        }
        let peer = try SocketPeer(port: hub.port)
        try peer.write(Array(LongBodyTests.head(hub, "Content-Length: 4000").utf8) + ProbeDialect.body(4_000))
        #expect(try answer(peer) == (500, "probe: internal"))
        #expect(happens { hub.hub.spooledBytes == 0 })
    }

    @Test("a long body that hardly comes on is given up; one that does has all the time it needs")
    func leastRate() throws {
        let hub = try TestHub.probing {
            LongBodyTests.small(&$0)
            $0.limits.sweepSeconds = 1
            $0.limits.handshakeSeconds = 1
            $0.limits.headSeconds = 1
            $0.limits.helloSeconds = 1
            $0.limits.bodyProgressSeconds = 1
            $0.limits.requestSeconds = 2
            $0.limits.bodyProgressBytes = 1_000
        }
        let slow = try SocketPeer(port: hub.port)
        try slow.write(LongBodyTests.head(hub, "Content-Length: 100000"))
        var isClosed = false
        for _ in 0..<60 where !isClosed {
            try? slow.write([1])
            isClosed = slow.read(seconds: 0.1) == []
        }
        #expect(isClosed)
        let steady = try SocketPeer(port: hub.port)
        try steady.write(LongBodyTests.head(hub, "Content-Length: 60000"))
        // Longer than a short request may take in all.
        for start in stride(from: 0, to: 60_000, by: 1_500) {
            try steady.write(Array(ProbeDialect.block[start..<(start + 1_500)]))
            usleep(100_000)
        }
        #expect(try answer(steady) == (200, "probe: 60000 true"))
    }

    // MARK: Going out

    @Test("a long answer is sent from its file, and the connection goes on", arguments: [1_000, 1_001, 20_000_000])
    func longAnswers(count: Int) throws {
        let hub = try TestHub.probing { if count < 10_000 { LongBodyTests.small(&$0) } }
        let peer = try SocketPeer(port: hub.port)
        let get = "GET /probe/\(count) HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in 0..<2 {
            try peer.write("HEAD" + get.dropFirst(3))
            #expect(try peer.read(until: "\r\n\r\n").contains("Content-Length: \(count)\r\n"))
            // The second waits behind the first.
            try peer.write(get + get)
            for _ in 0..<2 {
                #expect(try peer.read(until: "\r\n\r\n").contains("Content-Length: \(count)\r\n"))
                #expect(try peer.read(count: count) == ProbeDialect.body(count))
            }
        }
        #expect(happens { hub.hub.spooledBytes == 0 })
    }

    @Test("who does not take his long answer is given up, and its file goes with him")
    func stalledReader() throws {
        let hub = try TestHub.probing {
            $0.limits.sweepSeconds = 1
            $0.limits.idleSeconds = 2
        }
        let peer = try SocketPeer(port: hub.port, receiveBufferBytes: 4_096)
        try peer.write("GET /probe/50000000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(happens { hub.hub.spooledBytes == 50_000_000 })
        #expect(happens { hub.hub.spooledBytes == 0 })
        withExtendedLifetime(peer) {}
    }
}
