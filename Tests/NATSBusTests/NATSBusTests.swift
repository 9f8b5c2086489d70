#if NATS
    import Foundation
    import NATSBus
    import Reactor
    import Storage
    import Testing

    /// What a bus has told so far, and a way to wait for more.
    private final class Ear: Sendable {
        private let events = Guarded<[BusEvent]>([])
        private let news = DispatchSemaphore(value: 0)

        func take(_ event: BusEvent) {
            events.withLock { $0.append(event) }
            news.signal()
        }

        var count: Int { events.withLock { $0.count } }

        /// Whether an event that is `wanted` comes within 15 seconds; it and what came before are forgotten.
        func hears(_ wanted: (BusEvent) -> Bool) -> Bool {
            let deadline = DispatchTime.now() + .seconds(15)
            while true {
                let isHeard = events.withLock { events in
                    guard let index = events.firstIndex(where: wanted) else { return false }
                    events.removeSubrange(...index)
                    return true
                }
                if isHeard { return true }
                if news.wait(timeout: deadline) == .timedOut { return false }
            }
        }

        func connects() -> Bool { hears { $0 == .connected } }
        func hears(_ message: BusMessage) -> Bool { hears { $0 == .message(message) } }
    }

    @Suite(
        "NATS bus", .serialized,
        .enabled(if: NATSServer.path != nil, "nats-server is not installed: apt-get install nats-server"))
    struct NATSBusTests {
        private func started(_ url: String, name: String = "g1") -> (NATSBus, Ear) {
            let (bus, ear) = (NATSBus(url: url, name: name), Ear())
            bus.start { ear.take($0) }
            return (bus, ear)
        }

        @Test("two buses of one store hear each other, payload and all, and not themselves")
        func hearing() throws {
            let server = try NATSServer()
            let ((a, earA), (b, earB)) = (started(server.url), started(server.url))
            #expect(earA.connects() && earB.connects())
            let told = BusMessage(line: "a committed ü 1 2", payload: [0, 10, 13, 255, 10])
            a.post(told)
            #expect(earB.hears(told))
            b.post(BusMessage(line: "back"))
            #expect(earA.hears(BusMessage(line: "back")))
            a.stop()
            b.stop()
            #expect(earB.count == 0)
            #expect(a.counts == NATSCounts())
        }

        @Test("buses of different stores on one server do not meet")
        func stores() throws {
            let server = try NATSServer()
            let ((a, earA), (b, earB), (c, earC)) = (
                started(server.url, name: "x.y"), started(server.url, name: "x y"), started(server.url, name: "x.y")
            )
            #expect(earA.connects() && earB.connects() && earC.connects())
            b.post(BusMessage(line: "not for you"))
            c.post(BusMessage(line: "for you"))
            #expect(earA.hears { $0 != .connected } && earA.count == 0)
            #expect(earB.count == 0)
            for bus in [a, b, c] { bus.stop() }
        }

        @Test("a server that is killed and comes back is told as a loss and a new connection, and messages go on")
        func restart() throws {
            let server = try NATSServer()
            let ((a, earA), (b, earB)) = (started(server.url), started(server.url))
            #expect(earA.connects() && earB.connects())
            server.kill()
            let isLoss: (BusEvent) -> Bool = { if case .disconnected = $0 { true } else { false } }
            #expect(earA.hears(isLoss) && earB.hears(isLoss))
            a.post(BusMessage(line: "into the void"))
            #expect(a.counts.dropped == 1)
            try server.start()
            #expect(earA.connects() && earB.connects())
            a.post(BusMessage(line: "again"))
            #expect(earB.hears(BusMessage(line: "again")))
            a.stop()
            b.stop()
        }

        @Test("a server that is not there yet is connected to when it comes")
        func late() throws {
            let server = try NATSServer()
            server.kill()
            let (bus, ear) = started(server.url)
            #expect(ear.hears { if case .disconnected = $0 { true } else { false } })
            try server.start()
            #expect(ear.connects())
            bus.stop()
        }

        @Test("a payload over the server's limit is left out and counted, and the line arrives")
        func oversize() throws {
            let server = try NATSServer()
            let ((a, earA), (b, earB)) = (started(server.url), started(server.url))
            #expect(earA.connects() && earB.connects())
            a.post(BusMessage(line: "large", payload: Array(repeating: 7, count: 2 << 20)))
            #expect(earB.hears(BusMessage(line: "large")))
            #expect(a.counts == NATSCounts(dropped: 0, withoutPayload: 1, missed: 0))
            a.stop()
            b.stop()
        }

        @Test("after stop nothing is told, wherever the connection stands")
        func stopping() throws {
            let server = try NATSServer()
            let ((a, earA), (b, earB)) = (started(server.url), started(server.url))
            #expect(earA.connects() && earB.connects())
            b.stop()
            let count = earB.count
            for number in 0..<100 { a.post(BusMessage(line: "\(number)")) }
            server.kill()
            #expect(earA.hears { if case .disconnected = $0 { true } else { false } })
            a.stop()
            b.post(BusMessage(line: "too late"))
            #expect(earB.count == count)
            // Stopped before it was ever connected.
            let (c, earC) = started(server.url)
            c.stop()
            let heard = earC.count
            try server.start()
            let (d, earD) = started(server.url)
            #expect(earD.connects())
            d.stop()
            #expect(earC.count == heard)
        }
    }
#endif
