import Foundation
import HubTesting
import Reactor
import Testing

@testable import Hub

@Suite("Admission", .timeLimit(.minutes(5)))
struct AdmissionTests {
    private let health = "GET /health HTTP/1.1\r\nHost: h\r\n\r\n"

    private func gate(_ configure: (inout HubLimits) -> Void, proxies: [AddressBlock] = []) -> AdmissionGate {
        var limits = HubLimits()
        configure(&limits)
        return AdmissionGate(limits, TrustedProxies(blocks: proxies))
    }

    @Test("a connection too many is told to come again, and one that ends makes room")
    func connectionsInAll() throws {
        let hub = try TestHub { $0.limits.connectionsMax = 3 }
        var peers = try (0..<3).map { _ in try SocketPeer(port: hub.port) }
        for peer in peers { #expect(try peer.exchange(health).status == 200) }
        let refused = try SocketPeer(port: hub.port)
        let head = try refused.read(until: "\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 503"))
        #expect(head.contains("Retry-After: ") && head.contains("Connection: close"))
        #expect(hub.hub.metrics.refusals[.connections] == 1)
        peers.removeLast()
        #expect(happens { (try? SocketPeer(port: hub.port).exchange(health).status) == 200 })
        #expect(happens { hub.hub.core.gate.count == 2 })
    }

    @Test("one address has so many connections, and another its own")
    func connectionsOfAddress() throws {
        let gate = gate { $0.connectionsPerAddressMax = 2 }
        let here = SocketAddress.ipv4(192, 0, 2, 1, port: 1)
        let mapped = try SocketAddress.parse("::ffff:192.0.2.1", port: 2)
        #expect(gate.admit(here) == nil && gate.admit(mapped) == nil)
        #expect(gate.admit(here) == .connectionsOfAddress && gate.admit(mapped) == .connectionsOfAddress)
        #expect(gate.admit(.ipv4(192, 0, 2, 2, port: 1)) == nil)
        gate.leave(mapped)
        #expect(gate.admit(here) == nil)
        // One customer's network has more addresses than any table.
        for suffix in 1...2 { #expect(gate.admit(try .parse("2001:db8::\(suffix)", port: 1)) == nil) }
        #expect(gate.admit(try .parse("2001:db8::3", port: 1)) == .connectionsOfAddress)
        #expect(gate.admit(try .parse("2001:db8:0:1::1", port: 1)) == nil)
    }

    @Test("a site that takes a new network for every connection has four networks' worth of them")
    func connectionsOfSite() throws {
        let gate = gate { $0.connectionsPerAddressMax = 2 }
        let peers = try (1...8).map { try SocketAddress.parse("2001:db8:1:\($0)::1", port: 1) }
        for peer in peers { #expect(gate.admit(peer) == nil) }
        let ninth = try SocketAddress.parse("2001:db8:1:9::1", port: 1)
        #expect(gate.admit(ninth) == .connectionsOfAddress)
        #expect(gate.admit(try .parse("2001:db8:2:1::1", port: 1)) == nil)
        gate.leave(peers[3])
        #expect(gate.admit(ninth) == nil && gate.admit(peers[3]) == .connectionsOfAddress)
        for peer in peers + [ninth] where peer != peers[3] { gate.leave(peer) }
        for peer in peers { #expect(gate.admit(peer) == nil) }
    }

    @Test("peers on this machine are counted by address only where that is asked for")
    func loopback() throws {
        let lenient = gate { $0.connectionsPerAddressMax = 1 }
        for _ in 0..<5 { #expect(lenient.admit(.ipv4(port: 1)) == nil) }
        let hub = try TestHub {
            $0.limits.connectionsPerAddressMax = 1
            $0.limits.countsLoopback = true
        }
        let first = try SocketPeer(port: hub.port)
        #expect(try first.exchange(health).status == 200)
        #expect(try SocketPeer(port: hub.port).read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 503"))
        #expect(hub.hub.metrics.refusals[.connectionsOfAddress] == 1)
    }

    @Test("connections that come faster than they are to are turned away, by address and in all, and later taken")
    func rates() {
        let now: UInt64 = 1 << 60
        let gate = gate {
            $0.newConnectionsPerSecondMax = 2
            $0.newConnectionsPerSecondOfAddressMax = 1
        }
        let (a, b, c) = (SocketAddress.ipv4(10, 0, 0, 1, port: 1), SocketAddress.ipv4(10, 0, 0, 2, port: 1), 3)
        #expect((0..<c).map { _ in gate.admit(a, now: now) } == [nil, nil, .handshakeRate])
        #expect((0..<c).map { _ in gate.admit(b, now: now) } == [nil, nil, .handshakeRate])
        // The burst of all is used up.
        #expect(gate.admit(.ipv4(10, 0, 0, 3, port: 1), now: now) == .handshakeRate)
        #expect(gate.admit(a, now: now + 1_100_000_000) == nil)
    }

    @Test("a trusted proxy's clients are counted by their own addresses, and nobody else's word is taken")
    func proxies() throws {
        let loopback = try #require(AddressBlock.parse("127.0.0.0/8"))
        func ask(_ peer: SocketPeer, _ fields: String) throws -> Int {
            try peer.exchange("GET /health HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n").status
        }
        let hub = try TestHub {
            $0.trustedProxies = [loopback]
            $0.limits.connectionsPerAddressMax = 1
        }
        let (first, second, third) = (
            try SocketPeer(port: hub.port), try SocketPeer(port: hub.port), try SocketPeer(port: hub.port)
        )
        #expect(try ask(first, "X-Forwarded-For: 203.0.113.9, 192.0.2.1") == 200)
        // What the client itself wrote before the proxy's word makes it nobody else.
        #expect(try ask(second, "X-Forwarded-For: 203.0.113.8, 192.0.2.1, 127.0.0.1") == 429)
        #expect(try ask(second, "X-Forwarded-For: 192.0.2.2, 127.0.0.2:80") == 200)
        #expect(try ask(third, "X-Forwarded-For: [2001:db8::1]:443") == 200)
        // A connection that the proxy uses for another client is that one's.
        #expect(try ask(first, "X-Forwarded-For: 192.0.2.3") == 200)
        #expect(try ask(second, "X-Forwarded-For: 192.0.2.1") == 200)
        let wary = try TestHub {
            $0.limits.connectionsPerAddressMax = 1
            $0.limits.countsLoopback = true
        }
        #expect(try ask(try SocketPeer(port: wary.port), "X-Forwarded-For: 192.0.2.1") == 200)
    }

    @Test("of the two fields that proxies have only theirs is believed: the other one is the client's")
    func proxyFields() throws {
        let loopback = try #require(AddressBlock.parse("127.0.0.0/8"))
        func ask(_ hub: TestHub, _ fields: String) throws -> (SocketPeer, Int) {
            let peer = try SocketPeer(port: hub.port)
            return (peer, try peer.exchange("GET /health HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n").status)
        }
        let hub = try TestHub {
            $0.trustedProxies = [loopback]
            $0.proxiesWriteForwarded = true
            $0.limits.connectionsPerAddressMax = 1
        }
        let first = try ask(hub, "Forwarded: for=192.0.2.2, for=\"127.0.0.2:80\"")
        let second = try ask(hub, "Forwarded: proto=https;for=\"[2001:db8::1]:443\"")
        let spoofed = try ask(hub, "X-Forwarded-For: 192.0.2.9\r\nForwarded: for=192.0.2.2")
        #expect([first.1, second.1, spoofed.1] == [200, 200, 429] as [Int])
        let usual = try TestHub {
            $0.trustedProxies = [loopback]
            $0.limits.connectionsPerAddressMax = 1
        }
        let real = try ask(usual, "X-Forwarded-For: 192.0.2.2")
        let other = try ask(usual, "Forwarded: for=192.0.2.9\r\nX-Forwarded-For: 192.0.2.2")
        #expect([real.1, other.1] == [200, 429] as [Int])
    }

    private func happens(_ condition: () -> Bool) -> Bool {
        for _ in 0..<200 {
            if condition() { return true }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return false
    }
}
