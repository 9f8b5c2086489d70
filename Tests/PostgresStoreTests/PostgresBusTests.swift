import Foundation
import PostgresTesting
import Storage
import Testing

@testable import PostgresStore

@Suite("The bus over NOTIFY")
struct PostgresBusTests {
    /// A bus that listens, and what it told.
    private func listening(_ conninfo: String) throws -> (bus: PostgresBus, told: BusRecorder) {
        let bus = try PostgresBus(conninfo: conninfo)
        let told = BusRecorder()
        bus.start { told.record($0) }
        #expect(told.waitForConnection())
        return (bus, told)
    }

    @Test("brings each message to all who listen in the schema, and to nobody else")
    func delivers() throws {
        let server = try PostgresServer.shared
        let conninfo = try server.freshSchema()
        let one = try listening(conninfo)
        let other = try listening(conninfo)
        let stranger = try listening(server.freshSchema())
        one.bus.post(BusMessage(line: "committed m\u{fc}sli 1 2"))
        other.bus.post(BusMessage(line: "seated"))
        for told in [one.told, other.told] {
            #expect(told.waitForLine("committed m\u{fc}sli 1 2") && told.waitForLine("seated"))
        }
        stranger.bus.post(BusMessage(line: "own"))
        #expect(stranger.told.waitForLine("own"))
        #expect(stranger.told.lines == ["own"])
        for bus in [one.bus, other.bus, stranger.bus] { bus.stop() }
    }

    @Test("joins what waits into few NOTIFYs, whole and in order")
    func coalesces() throws {
        let (bus, told) = try listening(PostgresServer.shared.freshSchema())
        let long = String(repeating: "x", count: 700)
        for number in 0..<1_000 { bus.post(BusMessage(line: "\(number) \(long)")) }
        #expect(told.waitForLine("999 \(long)"))
        #expect(told.lines == (0..<1_000).map { "\($0) \(long)" })
        // 11 of these lines fit one payload.
        #expect(bus.metrics.sent == 1_000)
        #expect(bus.metrics.notifications < 200, "\(bus.metrics)")
        bus.stop()
    }

    @Test("drops what NOTIFY does not carry or the queue has no room for, counted, and carries on")
    func bounds() throws {
        let (bus, told) = try listening(PostgresServer.shared.freshSchema())
        let longest = String(repeating: "y", count: BusMessage.lineBytesMax)
        for line in [longest + "y", "two\nlines", "a\0b", ""] { bus.post(BusMessage(line: line)) }
        #expect(bus.metrics.dropped == 4)
        bus.post(BusMessage(line: longest))
        #expect(told.waitForLine(longest))
        bus.stop()
        let idle = try PostgresBus(conninfo: "host=/nonexistent")
        for _ in 0..<200 { idle.post(BusMessage(line: longest)) }
        #expect(idle.metrics.dropped >= Int64(200 - NotifySender.queuedBytesMax / longest.utf8.count))
        idle.stop()
        #expect(idle.metrics.sent == 0)
    }

    @Test("listens and sends again after its connections were killed, and says so")
    func reconnects() throws {
        let server = try PostgresServer.shared
        let conninfo = try server.freshSchema()
        let (bus, told) = try listening(conninfo + "&application_name=bus-killed")
        let peer = try listening(conninfo)
        bus.post(BusMessage(line: "before"))
        #expect(peer.told.waitForLine("before"))
        #expect(try server.terminateBackends(where: "application_name = 'bus-killed'") == 2)
        #expect(told.waitForConnection(2))
        let kinds = told.all.filter { if case .message = $0 { false } else { true } }
        #expect(kinds.count == 3, "\(kinds)")
        guard case .disconnected(let reason) = kinds[1] else {
            Issue.record("\(kinds)")
            return
        }
        // The last words of the backend, or what libpq says where they were lost with it.
        #expect(reason.contains("terminating connection") || reason.contains("closed the connection"), "\(reason)")
        bus.post(BusMessage(line: "after"))
        #expect(peer.told.waitForLine("after") && told.waitForLine("after"))
        for bus in [bus, peer.bus] { bus.stop() }
    }

    @Test("connects once the server is there, and again after it crashed")
    func crash() throws {
        let server = try PostgresServer()
        let (bus, told) = try listening(server.conninfo)
        server.kill()
        #expect(told.wait { $0.count == 2 })
        let late = try PostgresBus(conninfo: server.conninfo)
        let lateTold = BusRecorder()
        late.start { lateTold.record($0) }
        #expect(lateTold.wait { !$0.isEmpty })
        guard case .disconnected = lateTold.all.first else {
            Issue.record("\(lateTold.all)")
            return
        }
        try server.start()
        #expect(told.waitForConnection(2) && lateTold.waitForConnection())
        late.post(BusMessage(line: "hello"))
        #expect(told.waitForLine("hello"))
        for bus in [bus, late] { bus.stop() }
    }

    @Test("notices a server that answers nothing any more")
    func silence() throws {
        let server = try PostgresServer()
        let (bus, told) = try listening(server.conninfo)
        server.freeze()
        let hasNoticed = told.wait(seconds: 30) { $0.count == 2 }
        server.resume()
        #expect(hasNoticed)
        #expect(told.waitForConnection(2))
        bus.stop()
    }

    @Test("tells nothing after stop, also where the receiver stops it")
    func stops() throws {
        let conninfo = try PostgresServer.shared.freshSchema()
        let (bus, told) = try listening(conninfo)
        let peer = try listening(conninfo)
        bus.stop()
        let count = told.all.count
        peer.bus.post(BusMessage(line: "late"))
        #expect(peer.told.waitForLine("late"))
        bus.post(BusMessage(line: "from the dead"))
        peer.bus.post(BusMessage(line: "later"))
        #expect(peer.told.waitForLine("later"))
        #expect(told.all.count == count && !peer.told.lines.contains("from the dead"))
        peer.bus.stop()

        let own = try PostgresBus(conninfo: conninfo)
        let ownTold = BusRecorder()
        own.start { event in
            own.stop()
            ownTold.record(event)
        }
        #expect(ownTold.waitForConnection())
        own.post(BusMessage(line: "nothing"))
        #expect(ownTold.all == [.connected])
    }

    @Test("leaves a session that it sent on as it was: behind a pooler a writer has it next")
    func sessionAfterwards() throws {
        let connection = try PostgresConnection(ConnectionSettings(conninfo: PostgresServer.shared.freshSchema()))
        let channel = try NotifyChannel.of(connection)
        try NotifySender.send(["line"], connection, to: channel)
        #expect(try connection.run("SELECT current_setting('synchronous_commit')").first?.text(0) == "on")
        #expect(connection.isIdle)
    }

    @Test("notices a session that does not listen any more, as behind a pooler")
    func pooled() throws {
        let connection = try PostgresConnection(ConnectionSettings(conninfo: PostgresServer.shared.freshSchema()))
        let channel = try NotifyChannel.of(connection)
        _ = try connection.run(Statement("LISTEN \(channel)", isPrepared: false))
        try NotifyListener.ask(connection, channel)
        _ = try connection.run("UNLISTEN *")
        let failure = #expect(throws: PostgresFailure.self) { try NotifyListener.ask(connection, channel) }
        #expect(failure?.message.contains("pooler") == true)
    }

    @Test("refuses a conninfo that is none")
    func conninfo() {
        #expect(throws: StoreError.self) { try PostgresBus(conninfo: "no=such") }
    }
}
