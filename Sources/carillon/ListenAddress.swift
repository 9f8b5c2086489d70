internal import Reactor

/// `--listen`: an address and a port, or either alone.
enum ListenAddress {
    static let portDefault: UInt16 = 8787

    static func parse(_ text: String) -> SocketAddress? {
        if let port = UInt16(text) { return .ipv4(port: port) }
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]"),
            text.filter({ $0 == ":" }).count == 1
                || text.hasPrefix("[")
        else { return address(text, portDefault) }
        guard let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        return address(String(text[..<colon]), port)
    }

    private static func address(_ host: String, _ port: UInt16) -> SocketAddress? {
        switch host {
        case "", "*": .ipv4(0, 0, 0, 0, port: port)
        case "localhost": .ipv4(port: port)
        default: try? SocketAddress.parse(host, port: port)
        }
    }
}
