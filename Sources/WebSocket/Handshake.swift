internal import Cryptography
public import HTTP
internal import HTTPTypes

/// Why a handshake was refused.
public enum HandshakeRefusal: Error, Equatable, Sendable {
    /// Not a GET in HTTP/1.1 (RFC 6455 4.1, rules 1 and 2).
    case methodInvalid
    /// No `Upgrade: websocket` (RFC 6455 4.2.1, rule 3).
    case upgradeMissing
    /// No `Connection: Upgrade` (RFC 6455 4.2.1, rule 4).
    case connectionMissing
    /// Sec-WebSocket-Key is not the base64 of 16 octets (RFC 6455 4.2.1, rule 5).
    case keyInvalid
    /// Sec-WebSocket-Version is not 13 (RFC 6455 4.4).
    case versionUnsupported
    /// The server did not answer 101 (RFC 6455 4.1).
    case statusUnexpected(Int)
    /// Sec-WebSocket-Accept does not fit the key (RFC 6455 4.1).
    case acceptInvalid
    /// The server chose a subprotocol that was not offered (RFC 6455 4.1).
    case subprotocolUnexpected
    /// Sec-WebSocket-Extensions is none of the kind (RFC 6455 9.1).
    case extensionsInvalid
    /// The server chose an extension that was not offered (RFC 6455 4.1), or parameters that were not (RFC 7692 7.1).
    case extensionUnexpected

    /// The status a server answers with.
    public var status: Int {
        switch self {
        // RFC 9110 15.5.22: also for a plain GET on the WebSocket's path.
        case .versionUnsupported, .upgradeMissing: 426
        case .methodInvalid, .connectionMissing, .keyInvalid, .extensionsInvalid: 400
        case .statusUnexpected, .acceptInvalid, .subprotocolUnexpected, .extensionUnexpected: 502
        }
    }

    /// The fields that go with `status`.
    public var fields: [(String, String)] {
        switch self {
        // RFC 6455 4.4 and RFC 9110 7.8: a 426 names what would be accepted.
        case .versionUnsupported, .upgradeMissing:
            [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
        case .methodInvalid, .connectionMissing, .keyInvalid, .statusUnexpected, .acceptInvalid,
            .subprotocolUnexpected, .extensionsInvalid, .extensionUnexpected:
            []
        }
    }

    /// One sentence for a person.
    public var sentence: String {
        switch self {
        case .methodInvalid: "A WebSocket opens with GET in HTTP/1.1."
        case .upgradeMissing: "This path speaks WebSocket: the Upgrade field is missing."
        case .connectionMissing: "The Connection field does not name Upgrade."
        case .keyInvalid: "Sec-WebSocket-Key is not the base64 of 16 octets."
        case .versionUnsupported: "Only version 13 of WebSocket is spoken here."
        case .statusUnexpected(let status): "The server answered \(status) and not 101."
        case .acceptInvalid: "Sec-WebSocket-Accept does not fit the key."
        case .subprotocolUnexpected: "The server chose a subprotocol that was not offered."
        case .extensionsInvalid: "Sec-WebSocket-Extensions is not a list of extensions."
        case .extensionUnexpected: "The server chose an extension that was not offered."
        }
    }
}

/// A server's consent: the fields of the 101 answer.
public struct HandshakeAnswer: Sendable {
    /// Upgrade, Connection, Sec-WebSocket-Accept and, if chosen, Sec-WebSocket-Protocol and Sec-WebSocket-Extensions.
    public var fields: [(String, String)]
    /// The subprotocol chosen, if any.
    public var subprotocol: String?
    /// How messages are compressed; nil: they are not.
    public var deflate: PerMessageDeflate?
}

/// What a client finds in a server's consent.
public struct HandshakeOutcome: Equatable, Sendable {
    /// The subprotocol that the server chose, if any.
    public var subprotocol: String?
    /// How messages are compressed; nil: they are not.
    public var deflate: PerMessageDeflate?
}

/// The opening handshake (RFC 6455 4). Pure: the client's nonce is passed in.
public enum Handshake {
    /// Whether a request asks for a WebSocket at all; `answer` tells whether it asks properly.
    public static func isRequested(by head: RequestHead) -> Bool {
        names(head.list(.upgrade), "websocket")
    }

    /// Checks a request and answers it.
    /// - Parameters:
    ///   - subprotocols: what the server speaks, best first; the first that the client offers is chosen.
    ///   - compresses: whether permessage-deflate is taken where the client offers it (RFC 7692).
    public static func answer(
        to head: RequestHead, subprotocols: [String] = [], compresses: Bool = false
    ) throws(HandshakeRefusal) -> HandshakeAnswer {
        // RFC 6455 4.2.1, rule 1: "An HTTP/1.1 or higher GET request".
        guard head.request.method == .get, !head.isHTTP10 else { throw .methodInvalid }
        guard names(head.list(.upgrade), "websocket") else { throw .upgradeMissing }
        guard names(head.list(.connection), "upgrade") else { throw .connectionMissing }
        guard head.field(.secWebSocketVersion) == "13" else { throw .versionUnsupported }
        guard let key = head.field(.secWebSocketKey), isKey(key) else { throw .keyInvalid }
        let offered = head.list(.secWebSocketProtocol)
        // RFC 6455 4.2.2, rule 5.4: none in common means no field. Subprotocols are case-sensitive.
        let subprotocol = subprotocols.first { offered.contains($0) }
        var fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept(key: key))]
        if let subprotocol { fields.append(("Sec-WebSocket-Protocol", subprotocol)) }
        var answer = HandshakeAnswer(fields: fields, subprotocol: subprotocol)
        if let text = head.field(.secWebSocketExtensions) {
            // RFC 6455 9.1: what does not conform fails the connection.
            guard let offers = ExtensionList.parse(text) else { throw .extensionsInvalid }
            if compresses, let (setting, text) = PerMessageDeflate.answer(to: offers) {
                answer.deflate = setting
                answer.fields.append(("Sec-WebSocket-Extensions", text))
            }
        }
        return answer
    }

    /// The key for a nonce: its base64.
    /// - Parameter nonce: 16 octets from the system's random source (RFC 6455 4.1, rule 7).
    public static func key(nonce: [UInt8]) -> String { Base64.encode(nonce) }

    /// The fields of a client's request, Host apart.
    ///
    /// - Parameter deflate: offered, if any.
    public static func requestFields(
        key: String, subprotocols: [String] = [], deflate: DeflateOffer? = nil
    ) -> [(String, String)] {
        var fields = [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13"),
        ]
        if !subprotocols.isEmpty {
            fields.append(("Sec-WebSocket-Protocol", subprotocols.joined(separator: ", ")))
        }
        if let deflate { fields.append(("Sec-WebSocket-Extensions", deflate.text)) }
        return fields
    }

    /// Checks a server's answer (RFC 6455 4.1, the second list).
    ///
    /// - Parameters:
    ///   - subprotocols: what was offered.
    ///   - deflate: the same.
    @discardableResult
    public static func check(
        _ head: ResponseHead, key: String, subprotocols: [String] = [], deflate: DeflateOffer? = nil
    ) throws(HandshakeRefusal) -> HandshakeOutcome {
        guard head.status == 101 else { throw .statusUnexpected(head.status) }
        guard names(head.list(.upgrade), "websocket") else { throw .upgradeMissing }
        guard names(head.list(.connection), "upgrade") else { throw .connectionMissing }
        guard head.field(.secWebSocketAccept) == accept(key: key) else { throw .acceptInvalid }
        var outcome = HandshakeOutcome()
        if let text = head.field(.secWebSocketExtensions) {
            guard let chosen = ExtensionList.parse(text) else { throw .extensionsInvalid }
            if let first = chosen.first {
                guard chosen.count == 1, let deflate, let setting = PerMessageDeflate(answer: first, to: deflate)
                else { throw .extensionUnexpected }
                outcome.deflate = setting
            }
        }
        guard let chosen = head.field(.secWebSocketProtocol) else { return outcome }
        guard subprotocols.contains(chosen) else { throw .subprotocolUnexpected }
        outcome.subprotocol = chosen
        return outcome
    }

    /// Sec-WebSocket-Accept for a key (RFC 6455 4.2.2, rule 5.4).
    public static func accept(key: String) -> String {
        Base64.encode(Digest.sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    /// RFC 6455 4.2.1, rule 5: 16 octets make 22 digits and "==".
    private static func isKey(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 24 && bytes[..<22].allSatisfy(Base64.isDigit)
            && bytes[22...].allSatisfy { $0 == UInt8(ascii: "=") }
    }

    private static func names(_ list: [String], _ token: String) -> Bool {
        list.contains { Token.equal($0, token) }
    }
}

/// RFC 4648 4; of Foundation, the pure targets would need nothing else.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func isDigit(_ octet: UInt8) -> Bool { digits.contains(octet) }

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for place in 0..<4 {
                text.append(place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
