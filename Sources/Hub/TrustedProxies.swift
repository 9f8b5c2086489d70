internal import HTTP
internal import HTTPTypes
internal import Reactor

/// The proxies whose word is taken for the address of a client.
struct TrustedProxies: Sendable {
    /// Hops that are looked at, from the nearest on: a client may write thousands before them.
    private static let hopsMax = 32

    let blocks: [AddressBlock]
    /// Which field is theirs: `Forwarded`, and not `X-Forwarded-For`. The other one may be the client's own.
    var writeForwarded = false

    func contains(_ address: SocketAddress) -> Bool { blocks.contains { $0.contains(address) } }

    /// Whose request it is: the last address on its way here that is no trusted proxy's. What stands before that
    /// anybody may have written.
    func client(of head: RequestHead, from peer: SocketAddress) -> SocketAddress {
        guard !blocks.isEmpty, contains(peer) else { return peer }
        var client = peer
        for hop in hops(head).reversed() {
            // A hop without an address, or one that is hidden (RFC 7239 6.3): it was at the proxy behind it.
            guard let address = hop else { return client }
            client = address
            guard contains(address) else { return client }
        }
        return client
    }

    /// `X-Forwarded-For`, or the `for` of `Forwarded` (RFC 7239 5.2); the last is the nearest.
    private func hops(_ head: RequestHead) -> [SocketAddress?] {
        let name = HTTPField.Name(writeForwarded ? "Forwarded" : "X-Forwarded-For")
        guard let text = name.flatMap({ head.field($0) }) else { return [] }
        let hops = text.split(separator: ",", omittingEmptySubsequences: false).suffix(TrustedProxies.hopsMax)
        return writeForwarded ? TrustedProxies.forwarded(hops) : hops.map { TrustedProxies.address($0) }
    }

    private static func forwarded(_ hops: ArraySlice<Substring>) -> [SocketAddress?] {
        hops.map { element in
            for pair in element.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1).map { trimmed($0) }
                if parts.count == 2, parts[0].lowercased() == "for" { return address(parts[1]) }
            }
            return nil
        }
    }

    /// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`, any in quotes.
    private static func address(_ text: Substring) -> SocketAddress? {
        var text = trimmed(text)
        if text.hasPrefix("\""), text.hasSuffix("\""), text.count >= 2 { text = text.dropFirst().dropLast() }
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            text = text[...end]
        } else if let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon {
            text = text[..<colon]
        }
        return try? SocketAddress.parse(String(text), port: 0).unmapped
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return text
    }
}
