import Foundation
import Reactor
import Testing

@Suite(.serialized, .timeLimit(.minutes(5)))
struct ConnectionTests {
    @Test func callsWithTheIDOfAnEndedConnectionAreIgnoredByTheSlotsNextOwner() throws {
        let server = try ProbeLoop()
        defer { server.end() }
        let address = try server.listen()
        let first = ConnectionID(index: 0, generation: 1)
        let second = ConnectionID(index: 0, generation: 2)
        do { _ = try PlainClient(address) }
        eventually { server.log.withLock { $0.closed[first] == [.peerClosed] } }
        let client = try PlainClient(address)
        eventually { server.log.withLock { $0.accepted.count == 2 } }
        server.perform { probe in
            probe.loop.send(first, [1, 2, 3])
            probe.loop.close(first, afterFlush: false)
            probe.loop.pauseReading(first)
            probe.loop.send(second, [4])
            #expect(probe.loop.outboxBytes(first) == 0)
            #expect(probe.loop.outboxBytes(second) == 1)
            probe.loop.close(second, afterFlush: true)
        }
        #expect(client.receive(10) == [4])
        #expect(server.log.withLock { $0.closed[first] } == [.peerClosed])
    }

    @Test func closeAfterFlushDeliversEveryByteAlsoWhileThePeerStillSends() throws {
        let server = try ProbeLoop()
        defer { server.end() }
        let client = try PlainClient(try server.listen())
        client.send(pattern(100_000))
        eventually { server.log.withLock { !$0.received.isEmpty } }
        let bytes = pattern(8 << 20)
        let id = ConnectionID(index: 0, generation: 1)
        server.perform { probe in
            probe.loop.send(id, bytes)
            probe.loop.close(id, afterFlush: true)
            probe.loop.send(id, [0])
        }
        client.send(pattern(1000))
        #expect(client.receive(bytes.count + 1) == bytes)
        client.finishSending()
        eventually { server.log.withLock { $0.closed[id] == [.local] } }
        #expect(server.perform { $0.loop.connectionCount } == 0)
    }

    @Test func aPeerThatNeverClosesIsLingeredForOnlySoLong() throws {
        var configuration = LoopConfiguration()
        configuration.lingerSeconds = 1
        let server = try ProbeLoop(configuration)
        defer { server.end() }
        let client = try PlainClient(try server.listen())
        eventually { server.log.withLock { !$0.accepted.isEmpty } }
        let id = ConnectionID(index: 0, generation: 1)
        server.perform { $0.loop.close(id, afterFlush: true) }
        eventually { server.log.withLock { $0.closed[id] == [.local] } }
        #expect(client.receive(1).isEmpty)
    }

    @Test func aReaderTooSlowForItsOutboxIsClosed() throws {
        var configuration = LoopConfiguration()
        configuration.outboxBytesMax = 1 << 20
        let server = try ProbeLoop(configuration)
        defer { server.end() }
        let client = try PlainClient(try server.listen(), receiveBuffer: 4096)
        eventually { server.log.withLock { !$0.accepted.isEmpty } }
        let id = ConnectionID(index: 0, generation: 1)
        let bytes = pattern(64 * 1024)
        for _ in 0..<400 {
            server.perform { probe in
                probe.loop.send(id, bytes)
                #expect(probe.loop.outboxBytes(id) <= 1 << 20)
            }
        }
        eventually { server.log.withLock { $0.closed[id] == [.outboxFull] } }
        withExtendedLifetime(client) {}
    }

    @Test func drainedIsToldOnceWhenABlockedOutboxIsEmptyAgain() throws {
        let server = try ProbeLoop()
        defer { server.end() }
        let client = try PlainClient(try server.listen(), receiveBuffer: 4096)
        eventually { server.log.withLock { !$0.accepted.isEmpty } }
        let id = ConnectionID(index: 0, generation: 1)
        let bytes = pattern(12 << 20)
        server.perform { $0.loop.send(id, bytes) }
        #expect(server.log.withLock { $0.drained }.isEmpty)
        #expect(client.receive(bytes.count) == bytes)
        eventually { server.log.withLock { $0.drained == [id] } }
        server.perform { $0.loop.send(id, [1]) }
        #expect(client.receive(1) == [1])
        #expect(server.log.withLock { $0.drained } == [id])
    }

    @Test func aPausedConnectionIsNotReadUntilItResumes() throws {
        let server = try ProbeLoop()
        defer { server.end() }
        let client = try PlainClient(try server.listen())
        eventually { server.log.withLock { !$0.accepted.isEmpty } }
        let id = ConnectionID(index: 0, generation: 1)
        server.perform { $0.loop.pauseReading(id) }
        client.send([1, 2, 3])
        usleep(50_000)
        #expect(server.log.withLock { $0.received.isEmpty })
        server.perform { $0.loop.resumeReading(id) }
        eventually { server.log.withLock { $0.received[id] == [1, 2, 3] } }
    }

    @Test func aSocketAcceptedOnOneLoopLivesOnAnother() throws {
        let worker = try ProbeLoop { echo($0) }
        defer { worker.end() }
        let target = worker.address
        let front = try ProbeLoop { probe in
            probe.onAccepted = { _, socket in target.post { $0.loop.adopt(socket) } }
        }
        defer { front.end() }
        let client = try PlainClient(try front.listen())
        client.send([7, 8, 9])
        #expect(client.receive(3) == [7, 8, 9])
        #expect(front.perform { $0.loop.connectionCount } == 0)
        #expect(worker.perform { $0.loop.connectionCount } == 1)
    }

    @Test func anOutgoingConnectionSendsWhatWaitedForIt() throws {
        let server = try ProbeLoop { echo($0) }
        defer { server.end() }
        let address = try server.listen()
        let client = try ProbeLoop()
        defer { client.end() }
        let id = client.perform { probe in
            let id = probe.loop.connect(to: address)
            probe.loop.send(id, [5, 6])
            return id
        }
        let connection = try #require(id)
        eventually { client.log.withLock { $0.received[connection] == [5, 6] } }
        #expect(client.log.withLock { $0.connected } == [connection])
    }

    @Test func aRefusedConnectIsToldByClosed() throws {
        // Bound, then closed: a port where nobody listens.
        let socket = try ListeningSocket.bind(to: .ipv4(port: 0))
        socket.close()
        let client = try ProbeLoop()
        defer { client.end() }
        let id = client.perform { $0.loop.connect(to: socket.localAddress) }
        let connection = try #require(id)
        eventually { client.log.withLock { $0.closed[connection] == [.failed(ECONNREFUSED)] } }
        #expect(client.log.withLock { $0.connected }.isEmpty)
    }

    @Test func aHalfOpenConnectionStillAnswersWhenTheLoopKeepsIt() throws {
        var configuration = LoopConfiguration()
        configuration.keepsHalfOpen = true
        let server = try ProbeLoop(configuration) { probe in
            probe.onReadClosed = { probe, id in probe.loop.schedule(after: .milliseconds(20), token: id.raw) }
            probe.onTimer = { probe, token in
                probe.loop.send(ConnectionID(raw: token), [1, 2])
                probe.loop.close(ConnectionID(raw: token), afterFlush: true)
            }
        }
        defer { server.end() }
        let client = try PlainClient(try server.listen())
        client.finishSending()
        #expect(client.receive(3) == [1, 2])
        eventually { server.log.withLock { $0.closed[ConnectionID(index: 0, generation: 1)] == [.local] } }
    }

    @Test func aPausedConnectionThatIsResetEndsInsteadOfSpinning() throws {
        let server = try ProbeLoop()
        defer { server.end() }
        let id = ConnectionID(index: 0, generation: 1)
        do {
            let client = try PlainClient(try server.listen())
            eventually { server.log.withLock { !$0.accepted.isEmpty } }
            server.perform { $0.loop.pauseReading(id) }
            var hard = linger(l_onoff: 1, l_linger: 0)
            setsockopt(client.descriptor, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
        }
        eventually { server.log.withLock { $0.closed[id] == [.failed(ECONNRESET)] } }
    }

    @Test func oneConnectionTooManyIsClosedAndTheOthersStay() throws {
        var configuration = LoopConfiguration()
        configuration.connectionsMax = 1
        let server = try ProbeLoop(configuration, echo)
        defer { server.end() }
        let address = try server.listen()
        let first = try PlainClient(address)
        eventually { server.log.withLock { !$0.accepted.isEmpty } }
        let second = try PlainClient(address)
        #expect(second.receive(1).isEmpty)
        first.send([1])
        #expect(first.receive(1) == [1])
        #expect(server.log.withLock { $0.closed[ConnectionID(index: 1, generation: 1)] } == [.failed(EMFILE)])
    }

    @Test func aPeerThatNeverReadsEndsAClosingConnectionWithATimeout() throws {
        var configuration = LoopConfiguration()
        configuration.flushSeconds = 1
        let server = try ProbeLoop(configuration)
        defer { server.end() }
        let client = try PlainClient(try server.listen(), receiveBuffer: 4096)
        eventually { server.log.withLock { !$0.accepted.isEmpty } }
        let id = ConnectionID(index: 0, generation: 1)
        let bytes = pattern(12 << 20)
        server.perform { probe in
            probe.loop.send(id, bytes)
            probe.loop.close(id, afterFlush: true)
        }
        eventually { server.log.withLock { $0.closed[id] == [.failed(ETIMEDOUT)] } }
        withExtendedLifetime(client) {}
    }

    @Test func stoppingTellsClosedForEveryConnection() throws {
        let server = try ProbeLoop()
        let address = try server.listen()
        let clients = try (0..<5).map { _ in try PlainClient(address) }
        eventually { server.log.withLock { $0.accepted.count == 5 } }
        server.end()
        #expect(server.log.withLock { $0.closed.values.map { $0 } } == Array(repeating: [.local], count: 5))
        for client in clients { #expect(client.receive(1).isEmpty) }
        server.address.post { _ in Issue.record("Mail after the end.") }
    }

    @Test func aLoopOfTheCurrentThreadRunsUntilItsHandlerStopsIt() throws {
        let log = Guarded(Probe.Log())
        let loop = try EventLoop<Probe> { loop in
            let probe = Probe(loop, log)
            probe.onTimer = { probe, _ in probe.loop.stop() }
            loop.schedule(after: .milliseconds(5), token: 1)
            return probe
        }
        loop.runUntilStopped()
        #expect(log.withLock { $0.timers } == [1])
    }

    @Test func aDetachedConnectionGoesOnInAnotherLoopWithWhatThePeerHasSentMeanwhile() throws {
        let first = try ProbeLoop()
        let second = try ProbeLoop()
        defer { first.end() }
        defer { second.end() }
        let client = try PlainClient(try first.listen())
        let id = ConnectionID(index: 0, generation: 1)
        eventually { first.log.withLock { $0.accepted.count == 1 } }
        first.perform { $0.loop.pauseReading(id) }
        client.send([1, 2, 3])
        let staysWhileItHasBytesToSend = first.perform { probe in
            probe.loop.send(id, [9])
            return probe.loop.detach(id) == nil
        }
        #expect(staysWhileItHasBytesToSend == true)
        #expect(client.receive(1) == [9])
        let socket = try #require(first.perform { $0.loop.detach(id) } ?? nil)
        first.perform { $0.loop.send(id, [8]) }
        second.perform { $0.loop.adopt(socket) }
        eventually { second.log.withLock { $0.received[id] == [1, 2, 3] } }
        second.perform { $0.loop.send(id, [7]) }
        #expect(client.receive(1) == [7])
        #expect(first.perform { $0.loop.connectionCount } == 0)
        #expect(first.log.withLock { $0.closed.isEmpty && $0.received.isEmpty })
    }
}
