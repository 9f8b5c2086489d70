import COpenSSL
import Foundation
import Reactor
import Testing

/// Streams over TLS, as ConnectionTests has them without.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct TLSStreamTests {
    private static let id = ConnectionID(index: 0, generation: 1)

    private static func target() throws -> TLSTarget {
        var configuration = TLSClientConfiguration()
        configuration.authorityPath = TestCertificates.path("ca.pem")
        return TLSTarget(client: try TLSClient(configuration), host: "localhost")
    }

    /// A loop that connects by TLS, and the connection.
    private func connect(
        _ address: SocketAddress, calls: SystemCalls = .real, loops: LoopConfiguration = LoopConfiguration(),
        options: ConnectOptions = ConnectOptions()
    ) throws -> (ProbeLoop, ConnectionID) {
        let loop = try ProbeLoop(loops, calls: calls)
        var options = options
        options.tls = try Self.target()
        let chosen = options
        return (loop, try #require(loop.perform { $0.loop.connect(to: address, options: chosen) }))
    }

    /// Sends `bytes` in parts, and waits until they are back.
    private func roundTrip(_ bytes: [UInt8], server: SystemCalls = .real, client: SystemCalls = .real) throws {
        var loops = LoopConfiguration()
        loops.outboxBytesMax = 64 << 20
        let echo = try TLSEcho(loops: loops, calls: server)
        defer { echo.loop.end() }
        let (loop, id) = try connect(echo.address, calls: client, loops: loops)
        defer { loop.end() }
        loop.perform { probe in
            var start = 0
            var part = 1
            while start < bytes.count {
                let end = min(start + part, bytes.count)
                if part % 2 == 0 {
                    probe.loop.send(id, SharedBytes(Array(bytes[start..<end])))
                } else {
                    probe.loop.send(id, Array(bytes[start..<end]))
                }
                start = end
                part = part * 3 + 1
            }
        }
        for _ in 0..<6 {
            let count = loop.log.withLock { $0.received[id]?.count ?? 0 }
            if count >= bytes.count || loop.log.withLock({ $0.closed[id] != nil }) { break }
            awaitGrowth(loop, id, bytes.count)
        }
        #expect(loop.log.withLock { $0.received[id] } == bytes)
        #expect(loop.log.withLock { $0.closed.isEmpty })
        loop.perform { $0.loop.close(id, afterFlush: true) }
        eventually { loop.log.withLock { $0.closed[id] == [.local] } }
        #expect(echo.reason() == .peerClosed)
        #expect(echo.loop.perform { $0.loop.connectionCount } == 0)
    }

    private func awaitGrowth(_ loop: ProbeLoop, _ id: ConnectionID, _ count: Int) {
        for _ in 0..<10_000 {
            if loop.log.withLock({ ($0.received[id]?.count ?? 0) >= count || $0.closed[id] != nil }) { return }
            usleep(1000)
        }
    }

    @Test(arguments: [1, 16_383, 16_384, 16_385, 65_536, 262_145, 8 << 20])
    func everyByteComesBack(_ count: Int) throws { try roundTrip(pattern(count)) }

    @Test(arguments: [SystemCalls.Call.send, .receive])
    func oneByteAtATimeIsEnough(_ slow: SystemCalls.Call) throws {
        let calls = SystemCalls { $0 == slow ? .atMost(1) : nil }
        try roundTrip(pattern(5000), server: calls)
        try roundTrip(pattern(5000), client: calls)
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
        try roundTrip(pattern(30_000), server: calls)
        try roundTrip(pattern(30_000), client: calls)
    }

    /// Faults of all kinds in any order, in the handshake and behind it, on both sides.
    @Test func randomFaultsLeaveTheStreamWhole() throws {
        let seed = UInt64(DispatchTime.now().uptimeNanoseconds)
        print("TLSStreamTests.randomFaultsLeaveTheStreamWhole: seed \(seed)")
        for round in 0..<6 {
            try roundTrip(
                pattern(1 << 20), server: faults(seed &+ UInt64(round)), client: faults(~seed &- UInt64(round)))
        }
    }

    private func faults(_ seed: UInt64) -> SystemCalls {
        let state = Guarded(seed | 1)
        return SystemCalls { call in
            let dice = state.withLock { state in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return Int(state >> 33)
            }
            switch (call, dice % 16) {
            case (.send, 0), (.receive, 0): return .error(EAGAIN)
            case (.send, 1), (.receive, 1), (.wait, 1): return .error(EINTR)
            // Rarely: it rests for 10 ms.
            case (.send, 2): return dice % 160 == 2 ? .error(ENOBUFS) : .atMost(1)
            case (.send, 3), (.receive, 3): return .atMost(1)
            case (.send, 4...7), (.receive, 4...7): return .atMost(1 + dice / 16 % 5000)
            default: return nil
            }
        }
    }

    @Test func aPeerThatLeavesInTheMiddleOfTheHandshakeLeavesNothingBehind() throws {
        // What a client says to a server, byte for byte, up to its Finished.
        let talk = Guarded<[UInt8]>([])
        let recorder = try ProbeLoop { probe in
            probe.onReceived = { _, _, bytes in talk.withLock { $0.append(contentsOf: bytes) } }
        }
        defer { recorder.end() }
        let (loop, _) = try connect(try recorder.listen())
        eventually { talk.withLock { !$0.isEmpty } }
        loop.end()
        let hello = talk.withLock { $0 }
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        for count in 0...hello.count {
            let client = try PlainClient(echo.address)
            client.send(Array(hello[..<count]))
            guard count % 2 == 0 else { continue }
            var hard = linger(l_onoff: 1, l_linger: 0)
            setsockopt(client.descriptor, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
        }
        eventually { echo.loop.log.withLock { $0.closed.count == hello.count + 1 } }
        #expect(echo.loop.perform { $0.loop.connectionCount } == 0)
        #expect(echo.loop.log.withLock { $0.secured.isEmpty })
    }

    @Test(arguments: [0, 1, 5, 6, 50, 200, 500, 700, 900])
    func aServerThatLeavesInTheMiddleOfTheHandshakeIsToldToTheClient(_ count: Int) throws {
        // The server's sends are cut off after so many bytes.
        let left = Guarded(count)
        let calls = SystemCalls { call in
            guard call == .send else { return nil }
            return left.withLock { left in
                guard left > 0 else { return .error(EPIPE) }
                left -= 1
                return .atMost(1)
            }
        }
        let echo = try TLSEcho(calls: calls)
        defer { echo.loop.end() }
        let (loop, id) = try connect(echo.address)
        defer { loop.end() }
        eventually { loop.log.withLock { $0.closed[id] != nil } }
        eventually { echo.loop.log.withLock { $0.closed.count == 1 } }
        #expect(loop.perform { $0.loop.connectionCount } == 0)
        #expect(echo.loop.perform { $0.loop.connectionCount } == 0)
    }

    @Test func aPausedConnectionHearsEverythingOnceItResumes() throws {
        let echo = try TLSEcho { probe in probe.onSecured = { probe, id in probe.loop.pauseReading(id) } }
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address)
        eventually { echo.loop.log.withLock { $0.secured.count == 1 } }
        let bytes = pattern(40_000)
        client.send(bytes)
        usleep(50_000)
        #expect(echo.loop.log.withLock { $0.received.isEmpty })
        echo.loop.perform { $0.loop.resumeReading(Self.id) }
        eventually { echo.loop.log.withLock { $0.received[Self.id] == bytes } }
    }

    @Test func aConnectionGoesOnInAnotherLoopInTheMiddleOfARecord() throws {
        let first = try TLSEcho { _ in }
        let second = try ProbeLoop()
        defer { first.loop.end() }
        defer { second.end() }
        let client = try RawTLSClient(first.address)
        eventually { first.loop.log.withLock { $0.secured.count == 1 } }
        // A record in two parts, of which the first loop reads the first.
        let records = Guarded<[UInt8]>([])
        client.useMemory { client in
            client.send(pattern(3000))
            records.withLock { $0 = client.writtenToMemory() }
        }
        let sealed = records.withLock { $0 }
        client.plain.send(Array(sealed[..<1000]))
        usleep(50_000)
        let staysWhileItHasBytesToSend = first.loop.perform { probe in
            probe.loop.send(Self.id, [9])
            return probe.loop.detach(Self.id) == nil
        }
        #expect(staysWhileItHasBytesToSend == true)
        #expect(client.receive(1) == [9])
        let socket = try #require(first.loop.perform { $0.loop.detach(Self.id) } ?? nil)
        client.plain.send(Array(sealed[1000...]))
        let server = first.server
        second.perform { $0.loop.adopt(socket, tls: server) }
        eventually { second.log.withLock { $0.received[Self.id] == pattern(3000) } }
        #expect(second.perform { $0.loop.tlsPeer(Self.id)?.version } == "TLSv1.3")
        #expect(second.log.withLock { $0.secured.isEmpty })
        second.perform { $0.loop.send(Self.id, [7]) }
        #expect(client.receive(1) == [7])
        #expect(first.loop.perform { $0.loop.connectionCount } == 0)
        #expect(first.loop.log.withLock { $0.closed.isEmpty && $0.received.isEmpty })
    }

    @Test func bytesThatCameWithTheHandshakesEndAreNotLeftBehindByADetach() throws {
        let wasRefused = Guarded(false)
        let echo = try TLSEcho { probe in
            probe.onSecured = { probe, id in
                let isRefused = probe.loop.detach(id) == nil
                wasRefused.withLock { $0 = isRefused }
            }
        }
        defer { echo.loop.end() }
        let (loop, id) = try connect(echo.address)
        defer { loop.end() }
        // In the outbox before the handshake: goes out with Finished, or right behind it.
        loop.perform { $0.loop.send(id, [1, 2, 3]) }
        eventually { echo.loop.log.withLock { $0.secured.count == 1 } }
        if wasRefused.withLock({ $0 }) { eventually { echo.loop.log.withLock { $0.received[Self.id] == [1, 2, 3] } } }
    }

    @Test func closeAfterFlushDeliversEverythingAndSaysGoodbye() throws {
        let echo = try TLSEcho { _ in }
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address)
        eventually { echo.loop.log.withLock { $0.secured.count == 1 } }
        let bytes = pattern(4 << 20)
        echo.loop.perform { probe in
            probe.loop.send(Self.id, bytes)
            probe.loop.close(Self.id, afterFlush: true)
        }
        #expect(client.receive(bytes.count + 1) == bytes)
        #expect(client.hasGoodbye)
        client.plain.finishSending()
        #expect(echo.reason() == .local)
    }

    @Test(arguments: [true, false])
    func theEndOfAPeersStreamIsToldWithOrWithoutItsGoodbye(_ hasGoodbye: Bool) throws {
        var loops = LoopConfiguration()
        loops.keepsHalfOpen = true
        let echo = try TLSEcho(loops: loops) { probe in
            probe.onReadClosed = { probe, id in
                probe.loop.send(id, [1, 2])
                probe.loop.close(id, afterFlush: true)
            }
        }
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address)
        client.send([5])
        if hasGoodbye { SSL_shutdown(client.ssl) } else { client.plain.finishSending() }
        #expect(client.receive(3) == [1, 2])
        #expect(echo.loop.log.withLock { $0.received[Self.id] } == [5])
        #expect(echo.loop.log.withLock { $0.readClosed } == [Self.id])
        client.plain.finishSending()
        #expect(echo.reason() == .local)
    }

    @Test func aReaderTooSlowForItsOutboxIsClosed() throws {
        var loops = LoopConfiguration()
        loops.outboxBytesMax = 1 << 20
        let echo = try TLSEcho(loops: loops) { _ in }
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address, RawTLSClient.Offer(receiveBuffer: 4096))
        eventually { echo.loop.log.withLock { $0.secured.count == 1 } }
        let bytes = pattern(64 * 1024)
        for _ in 0..<400 { echo.loop.perform { $0.loop.send(Self.id, bytes) } }
        #expect(echo.reason() == .outboxFull)
        withExtendedLifetime(client) {}
    }

    @Test func drainedIsToldOnceWhenABlockedOutboxIsEmptyAgain() throws {
        let echo = try TLSEcho { _ in }
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address, RawTLSClient.Offer(receiveBuffer: 4096))
        eventually { echo.loop.log.withLock { $0.secured.count == 1 } }
        let bytes = pattern(12 << 20)
        echo.loop.perform { $0.loop.send(Self.id, bytes) }
        #expect((echo.loop.perform { $0.loop.outboxBytes(Self.id) } ?? 0) > 0)
        #expect(client.receive(bytes.count) == bytes)
        eventually { echo.loop.log.withLock { $0.drained == [Self.id] } }
        #expect(echo.loop.perform { $0.loop.outboxBytes(Self.id) } == 0)
    }

    @Test func aRecordThatWasChangedOnTheWayEndsTheConnection() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address)
        client.send([1])
        #expect(client.receive(1) == [1])
        client.plain.send([23, 3, 3, 0, 30] + pattern(30))
        #expect(client.receive(1).isEmpty)
        #expect(client.failure.contains("bad record mac"))
        #expect(echo.failure()?.cause == .protocolFailure)
    }

    @Test(arguments: [EMFILE, ENFILE, ENOMEM])
    func withoutDescriptorsAcceptingRestsAndRecovers(_ code: Int32) throws {
        let turns = Guarded(0)
        let isFailing = Guarded(true)
        let calls = SystemCalls { call in
            if call == .wait { turns.withLock { $0 += 1 } }
            return call == .accept && isFailing.withLock { $0 } ? .error(code) : nil
        }
        let echo = try TLSEcho(calls: calls)
        defer { echo.loop.end() }
        let (loop, id) = try connect(echo.address)
        defer { loop.end() }
        loop.perform { $0.loop.send(id, [1]) }
        usleep(350_000)
        #expect(turns.withLock { $0 } < 30)
        isFailing.withLock { $0 = false }
        eventually { loop.log.withLock { $0.received[id] == [1] } }
    }
}
