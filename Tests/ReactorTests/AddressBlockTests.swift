import Reactor
import Testing

@Suite("Address blocks")
struct AddressBlockTests {
    @Test("a network has its addresses, in either form, and no others")
    func networks() throws {
        let ten = try #require(AddressBlock.parse("10.0.0.0/8"))
        #expect(ten.contains(.ipv4(10, 255, 0, 1, port: 9)) && !ten.contains(.ipv4(11, 0, 0, 1, port: 9)))
        #expect(ten.contains(try .parse("::ffff:10.1.2.3", port: 9)))
        let six = try #require(AddressBlock.parse("2001:db8::/33"))
        #expect(six.contains(try .parse("2001:db8:7fff::1", port: 0)))
        #expect(!six.contains(try .parse("2001:db8:8000::1", port: 0)))
        #expect(try #require(AddressBlock.parse("0.0.0.0/0")).contains(.ipv4(port: 0)))
        #expect(try #require(AddressBlock.parse("::1")).contains(.ipv6Loopback(port: 5)))
        for text in ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "::/129", "x/8", "10.0.0/8", "10.0.0.0/8/8"] {
            #expect(AddressBlock.parse(text) == nil)
        }
    }

    @Test("loopback is known in every form, and a mapped address is the one that it maps")
    func forms() throws {
        #expect(SocketAddress.ipv4(127, 9, 9, 9, port: 1).isLoopback && SocketAddress.ipv6Loopback(port: 1).isLoopback)
        #expect(try SocketAddress.parse("::ffff:127.0.0.1", port: 1).isLoopback)
        #expect(
            try !SocketAddress.parse("::2", port: 1).isLoopback && !SocketAddress.ipv4(10, 0, 0, 1, port: 1).isLoopback)
        #expect(try SocketAddress.parse("::ffff:192.0.2.1", port: 7).unmapped == .ipv4(192, 0, 2, 1, port: 7))
    }
}
