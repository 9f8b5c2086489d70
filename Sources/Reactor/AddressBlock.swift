/// All addresses that begin with the same bits: what a peer is counted by, or a network that is trusted.
///
/// IPv4 is a part of IPv6 here, `::ffff:a.b.c.d` (RFC 4291 2.5.5.2): a peer is the same one through either socket.
public struct AddressBlock: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64
    private let bitCount: Int

    /// The block of `address`.
    ///
    /// - Parameter ipv6Bits: of an IPv6 address; an IPv4 one is alone in its block. 64: what one customer has at least
    ///   (RFC 6177), and may take any address of.
    public init(of address: SocketAddress, ipv6Bits: Int = 64) {
        self.init(address, bitCount: address.isIPv4 ? 128 : ipv6Bits)
    }

    private init(_ address: SocketAddress, bitCount: Int) {
        let (high, low) = address.bits
        self.bitCount = bitCount
        self.high = high & AddressBlock.mask(bitCount)
        self.low = low & AddressBlock.mask(bitCount - 64)
    }

    /// Reads `10.0.0.0/8`, `fd00::/8` or an address alone; nil where it is none.
    public static func parse(_ text: String) -> AddressBlock? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = try? SocketAddress.parse(String(first), port: 0) else {
            return nil
        }
        let isShort = !first.contains(":")
        guard parts.count == 2 else { return AddressBlock(address, bitCount: 128) }
        guard parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let bits = Int(parts[1]), (0...(isShort ? 32 : 128)).contains(bits)
        else { return nil }
        return AddressBlock(address, bitCount: isShort ? bits + 96 : bits)
    }

    public func contains(_ address: SocketAddress) -> Bool {
        AddressBlock(address, bitCount: bitCount) == self
    }

    private static func mask(_ bitCount: Int) -> UInt64 {
        if bitCount <= 0 { return 0 }
        return bitCount >= 64 ? .max : ~(UInt64.max >> UInt64(bitCount))
    }
}

extension SocketAddress {
    private static let mappedPrefix: UInt64 = 0xffff

    /// As an IPv6 address, in the machine's order.
    var bits: (high: UInt64, low: UInt64) {
        switch host {
        case .ipv4(let value): (0, Self.mappedPrefix << 32 | UInt64(UInt32(bigEndian: value)))
        case .ipv6(let high, let low, _): (UInt64(bigEndian: high), UInt64(bigEndian: low))
        }
    }

    /// Whether it is one, mapped into IPv6 or not.
    public var isIPv4: Bool { bits.high == 0 && bits.low >> 32 == Self.mappedPrefix }

    /// 127.0.0.0/8 or `::1`.
    public var isLoopback: Bool {
        let (high, low) = bits
        return isIPv4 ? UInt8(truncatingIfNeeded: low >> 24) == 127 : high == 0 && low == 1
    }

    /// An IPv4 address that is mapped into IPv6, as the IPv4 address that it is.
    public var unmapped: SocketAddress {
        guard case .ipv6 = host, isIPv4 else { return self }
        return SocketAddress(host: .ipv4(UInt32(truncatingIfNeeded: bits.low).bigEndian), port: port)
    }
}
