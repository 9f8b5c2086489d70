import Hub
import HubTesting
import Testing

@Suite("Silent peers", .timeLimit(.minutes(5)))
struct SilentPeerTests {
    private func hub() throws -> TestHub {
        try TestHub {
            $0.limits.sweepSeconds = 1
            $0.limits.handshakeSeconds = 1
            $0.limits.headSeconds = 1
            $0.limits.helloSeconds = 1
            $0.limits.bodyProgressSeconds = 1
            $0.limits.requestSeconds = 2
            $0.limits.pingSeconds = 1
            $0.limits.idleSeconds = 4
        }
    }

    @Test("a connection that sends no request is closed")
    func noRequest() throws {
        let hub = try hub()
        #expect(try SocketPeer(port: hub.port).read(seconds: 5) == [])
    }

    @Test("a request that comes in drops is closed when its time is over")
    func slowRequest() throws {
        let hub = try hub()
        let peer = try SocketPeer(port: hub.port)
        var isClosed = false
        for _ in 0..<40 where !isClosed {
            try? peer.write("G")
            isClosed = peer.read(seconds: 0.2) == []
        }
        #expect(isClosed)
    }

    @Test("a session without a hello is told so and closed")
    func noHello() throws {
        let hub = try hub()
        let device = try hub.device("d")
        #expect(try device.next("error", seconds: 5)["code"] as? String == "hello_timeout")
        #expect(try device.nextFrame(seconds: 5) == nil)
        #expect(device.closeCode == 4010)
    }

    @Test("a session that answers no ping is given up")
    func noPong() throws {
        let hub = try hub()
        let device = try hub.device("d")
        try device.catchUp()
        while try device.nextFrame(seconds: 8) != nil {}
        #expect(device.isClosed)
        #expect(device.pingCount > 0)
    }
}
