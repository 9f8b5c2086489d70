/// The value of Sec-WebSocket-Extensions, read (RFC 6455 9.1).
///
///     extension-list = extension *("," extension)
///     extension      = token *( ";" token [ "=" (token | quoted-string) ] )
///
/// A quoted value is a token once unquoted. White space may stand around each part.
struct ExtensionList {
    struct Offer: Equatable {
        var name: String
        /// In order; a name may stand twice.
        var parameters: [(name: String, value: String?)] = []

        static func == (left: Offer, right: Offer) -> Bool {
            left.name == right.name && left.parameters.elementsEqual(right.parameters) { $0 == $1 }
        }
    }

    /// Offers of one handshake: a browser makes one, the Autobahn suite up to five. What follows is not looked at.
    static let offersMax = 16

    private let bytes: [UInt8]
    private var position = 0

    /// - Returns: nil where the text is none of the kind.
    static func parse(_ text: String) -> [Offer]? {
        var list = ExtensionList(bytes: Array(text.utf8))
        return list.offers()
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func offers() -> [Offer]? {
        var offers: [Offer] = []
        while true {
            skipSpace()
            // RFC 9110 5.6.1: a recipient passes over empty elements.
            if take(",") { continue }
            guard position < bytes.count else { return offers }
            guard let offer = offer() else { return nil }
            if offers.count < Self.offersMax { offers.append(offer) }
            skipSpace()
            guard take(",") || position == bytes.count else { return nil }
        }
    }

    private mutating func offer() -> Offer? {
        guard let name = token() else { return nil }
        var offer = Offer(name: name)
        while true {
            skipSpace()
            guard take(";") else { return offer }
            skipSpace()
            guard let name = token() else { return nil }
            skipSpace()
            var value: String?
            if take("=") {
                skipSpace()
                guard let found = take("\"") ? quoted() : token() else { return nil }
                value = found
            }
            offer.parameters.append((name, value))
        }
    }

    private mutating func token() -> String? {
        let start = position
        while position < bytes.count, Self.isTokenOctet(bytes[position]) { position += 1 }
        return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
    }

    /// Behind the opening quote.
    private mutating func quoted() -> String? {
        var text: [UInt8] = []
        while position < bytes.count {
            var octet = bytes[position]
            position += 1
            if octet == UInt8(ascii: "\"") { return text.isEmpty ? nil : String(decoding: text, as: UTF8.self) }
            if octet == UInt8(ascii: "\\") {
                guard position < bytes.count else { return nil }
                octet = bytes[position]
                position += 1
            }
            guard Self.isTokenOctet(octet) else { return nil }
            text.append(octet)
        }
        return nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while position < bytes.count, bytes[position] == UInt8(ascii: " ") || bytes[position] == UInt8(ascii: "\t") {
            position += 1
        }
    }

    /// RFC 9110 5.6.2.
    private static func isTokenOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(octet)
        }
    }
}
