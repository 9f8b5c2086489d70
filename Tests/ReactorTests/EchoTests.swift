import Foundation
import Reactor
import Testing

@Suite(.serialized, .timeLimit(.minutes(5)))
struct EchoTests {
    @Test(arguments: [1, 2, 1023, 1024, 1025, 4096, 65_535, 65_536, 262_145, 1 << 20, 16 << 20])
    func everyByteComesBack(_ count: Int) throws {
        var configuration = LoopConfiguration()
        configuration.outboxBytesMax = 64 << 20
        let server = try ProbeLoop(configuration, echo)
        defer { server.end() }
        try roundTrip(pattern(count), try server.listen())
    }

    @Test func sharedBytesArriveInOrderAmongCopiedOnes() throws {
        let server = try ProbeLoop()
        defer { server.end() }
        let client = try PlainClient(try server.listen())
        eventually { server.log.withLock { !$0.accepted.isEmpty } }
        let small = pattern(10)
        let large = pattern(300_000)
        let shared = SharedBytes(large)
        let sharedSmall = SharedBytes(small)
        server.perform { probe in
            let id = ConnectionID(index: 0, generation: 1)
            for _ in 0..<3 {
                probe.loop.send(id, small)
                probe.loop.send(id, shared)
                probe.loop.send(id, sharedSmall)
            }
        }
        let expected = Array(repeatElement(small + large + small, count: 3).joined())
        #expect(client.receive(expected.count) == expected)
    }

    @Test func oneByteWritesStillDeliverEverything() throws {
        let calls = SystemCalls { $0 == .send ? .atMost(1) : nil }
        let server = try ProbeLoop(calls: calls, echo)
        defer { server.end() }
        try roundTrip(pattern(5000), try server.listen())
    }

    @Test func oneByteReadsStillDeliverEverything() throws {
        let calls = SystemCalls { $0 == .receive ? .atMost(1) : nil }
        let server = try ProbeLoop(calls: calls, echo)
        defer { server.end() }
        try roundTrip(pattern(5000), try server.listen())
    }

    @Test(arguments: [EAGAIN, EINTR, ENOBUFS, ENOMEM])
    func everyOtherSendFailingForNowLosesNothing(_ code: Int32) throws {
        let count = Guarded(0)
        let calls = SystemCalls { call in
            guard call == .send else { return nil }
            return count.withLock { count in
                count += 1
                return count % 2 == 0 ? .atMost(700) : .error(code)
            }
        }
        let server = try ProbeLoop(calls: calls, echo)
        defer { server.end() }
        try roundTrip(pattern(20_000), try server.listen())
    }

    @Test(arguments: [EAGAIN, EINTR])
    func everyOtherReadAndWaitFailingForNowLosesNothing(_ code: Int32) throws {
        let count = Guarded(0)
        let calls = SystemCalls { call in
            guard call == .receive || (call == .wait && code == EINTR) else { return nil }
            return count.withLock { count in
                count += 1
                return count % 3 == 0 ? .error(code) : nil
            }
        }
        let server = try ProbeLoop(calls: calls, echo)
        defer { server.end() }
        try roundTrip(pattern(500_000), try server.listen())
    }

    private func roundTrip(_ bytes: [UInt8], _ address: SocketAddress) throws {
        let client = try PlainClient(address)
        let descriptor = client.descriptor
        // A second thread sends: more than the sockets hold would otherwise block both ends.
        Thread.detachNewThread {
            var sent = 0
            while sent < bytes.count {
                let result = bytes.withUnsafeBytes {
                    send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard result > 0 else { break }
                sent += result
            }
            shutdown(descriptor, Int32(SHUT_WR))
        }
        // One more than was sent: the stream must end where it should.
        #expect(client.receive(bytes.count + 1) == bytes)
    }
}
