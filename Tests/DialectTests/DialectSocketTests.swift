import Causality
import Foundation
import Hub
import HubTesting
import Reactor
import Storage
import Testing

@Suite("Sockets of dialects", .timeLimit(.minutes(5)))
struct DialectSocketTests {
    private func open(_ hub: TestHub, receiveBufferBytes: Int32? = nil) throws -> ProbeSocket {
        let socket = try ProbeSocket(
            port: hub.port, "/listen?api_key=\(hub.key)", receiveBufferBytes: receiveBufferBytes)
        #expect(socket.status == 101)
        #expect(try socket.next() == "hello ada")
        return socket
    }

    @Test("a socket hears of what is written from then on, and of its kinds alone", arguments: HubStore.allCases)
    func live(store: HubStore) throws {
        let hub = try TestHub(store: store.open()) { $0.dialects = [MountedDialect(ProbeDialect())] }
        let device = try hub.device("laptop", key: hub.key)
        try device.hello()
        try device.push([change("before", [device.replica: 1], 1)])
        let socket = try open(hub)
        try device.push([change("a", [device.replica: 1], 1), change("b", [device.replica: 1], 1, kind: "other")])
        #expect(try socket.next("note laptop first"))
        try device.push([change("a", [device.replica: 2], 2)])
        #expect(try socket.next("note laptop"))
        var deletion = change("a", [device.replica: 3], NSNull())
        deletion["deleted"] = true
        try device.push([deletion])
        #expect(try socket.next("note laptop deleted"))
    }

    @Test("a bad key is refused with the dialect's own answer, and no handshake")
    func badKey() throws {
        let hub = try TestHub.probing()
        #expect(try ProbeSocket(port: hub.port, "/listen?api_key=nonsense").status == 401)
        #expect(try ProbeSocket(port: hub.port, "/listen").status == 401)
        #expect(try ProbeSocket(port: hub.port, "/listen", fields: "X-API-Key: \(hub.key)\r\n").status == 101)
        #expect(try hub.request("GET", "/listen").status == 426)
    }

    @Test("a client's ping is answered, a flood of messages ends it")
    func clientSpeaks() throws {
        let hub = try TestHub.probing { $0.limits.socketMessagesPerMinuteMax = 5 }
        let socket = try open(hub)
        try socket.send("something")
        try socket.send("ping")
        #expect(try socket.next() == "pong")
        for _ in 0..<4 { try socket.send("something") }
        #expect(try socket.next() == nil)
        #expect(socket.closeCode == 1008)
    }

    @Test("a revoked key ends it, and so does the hub's stop")
    func endings() throws {
        let hub = try TestHub.probing { $0.limits.revocationSeconds = 1 }
        let socket = try open(hub)
        let other = try hub.newKey(user: "bob")
        let staying = try ProbeSocket(port: hub.port, "/listen?api_key=\(other)")
        _ = try hub.accounts.revokeKey(prefix: String(hub.key.dropFirst(4).prefix(8)))
        #expect(try socket.next() == nil)
        #expect(socket.closeCode == 4520)
        #expect(try staying.next() == "hello bob")
        hub.stop()
        while try staying.next() != nil {}
        #expect(staying.closeCode == 1001)
    }

    @Test("after silence it is told something, and a peer that answers no ping is given up")
    func silence() throws {
        let hub = try TestHub.probing {
            $0.limits.sweepSeconds = 1
            $0.limits.pingSeconds = 1
            $0.limits.idleSeconds = 4
        }
        let socket = try open(hub)
        #expect(try socket.next() == "still here")
        while try socket.next() != nil {}
        #expect(socket.isClosed)
        #expect(socket.pingCount > 0)
    }

    @Test("a user holds so many and no more")
    func allowance() throws {
        let hub = try TestHub.probing { $0.limits.streamsPerUserMax = 2 }
        var held: [ProbeSocket] = [try open(hub), try open(hub)]
        #expect(held.count == 2)
        #expect(try ProbeSocket(port: hub.port, "/listen?api_key=\(hub.key)").status == 503)
        held = []
        var status = 0
        for _ in 0..<100 where status != 101 {
            status = try ProbeSocket(port: hub.port, "/listen?api_key=\(hub.key)").status
            usleep(20_000)
        }
        #expect(status == 101)
    }

    @Test("a slow reader holds up no push, and is told in the end that there was something")
    func slowReader() throws {
        let hub = try TestHub.probing {
            $0.limits.outboxBytesMax = 2_000
            $0.limits.noticesOwedMax = 50
        }
        let device = try hub.device("laptop-with-a-rather-long-name-so-that-notices-are-long", key: hub.key)
        try device.hello()
        let slow = try open(hub, receiveBufferBytes: 2_048)
        // More than the kernel's buffers hold.
        for round in 0..<120 {
            try device.push((0..<1_000).map { change("\(round).\($0)", [device.replica: 1], 1) }, id: "\(round)")
        }
        var lineCount = 0
        var wasTold = false
        while !wasTold, let text = try slow.next(seconds: 20) {
            if text == "?" { wasTold = true } else { lineCount += text.split(separator: "\n").count }
        }
        #expect(wasTold)
        #expect(lineCount < 120_000)
        try device.push([change("last", [device.replica: 1], 1)], id: "last")
        #expect(try slow.next("note \(device.name) first"))
    }
}
