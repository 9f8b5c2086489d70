import HTTP
import HTTPTypes
import Testing
import WebSocket

/// Sec-WebSocket-Extensions of both ends (RFC 6455 9.1, RFC 7692 7.1).
@Suite struct NegotiationTests {
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accepted = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    private func answer(to extensions: String, compresses: Bool = true) throws -> HandshakeAnswer {
        let fields = Handshake.requestFields(key: Self.key) + [("Sec-WebSocket-Extensions", extensions)]
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\(fields.map { "\($0): \($1)\r\n" }.joined())\r\n"
        var parser = RequestParser()
        let head = try #require(
            try Array(text.utf8).withUnsafeBytes { buffer -> RequestHead? in
                parser.receive(buffer)
                guard case .head(let head) = try parser.next() else { return nil }
                return head
            })
        return try Handshake.answer(to: head, compresses: compresses)
    }

    private func check(_ extensions: String?, _ offer: DeflateOffer?) throws -> PerMessageDeflate? {
        var bytes: [UInt8] = []
        var fields = [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", Handshake.accept(key: Self.key)),
        ]
        if let extensions { fields.append(("Sec-WebSocket-Extensions", extensions)) }
        ResponseWriter.appendHead(status: 101, fields: fields, chunked: false, into: &bytes)
        var parser = ResponseParser()
        let head = try #require(
            try bytes.withUnsafeBytes { buffer -> ResponseHead? in
                parser.receive(buffer)
                guard case .head(let head) = try parser.next() else { return nil }
                return head
            })
        return try Handshake.check(head, key: Self.key, deflate: offer).deflate
    }

    @Test(
        "a server takes the first offer that it can, and nobody keeps a window",
        arguments: [
            ("permessage-deflate", "", 15),
            ("permessage-deflate; client_max_window_bits", "", 15),
            ("permessage-deflate; client_max_window_bits=8", "", 15),
            ("permessage-deflate; client_max_window_bits=\"10\"; server_no_context_takeover", "", 15),
            ("permessage-deflate;server_max_window_bits=9", "; server_max_window_bits=9", 9),
            ("permessage-deflate; server_max_window_bits=\"1\\2\"", "; server_max_window_bits=12", 12),
            (" , x-webkit-deflate-frame ,\tpermessage-deflate ; client_no_context_takeover,", "", 15),
            // The first cannot be had: the next.
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", "", 15),
            (
                "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=15",
                "; server_max_window_bits=15", 15
            ),
        ])
    func offersThatAreTaken(offer: String, more: String, windowBits: Int) throws {
        let answer = try answer(to: offer)
        #expect(answer.deflate == PerMessageDeflate(serverWindowBits: windowBits))
        #expect(answer.fields.last?.1 == Self.accepted + more)
    }

    @Test(
        "an offer that is not the RFC's is declined, and the socket opens without",
        arguments: [
            "foo", "Permessage-Deflate-2", "permessage-deflate; unknown",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover=true", "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits=+9", "permessage-deflate; client_max_window_bits=x",
            "permessage-deflate; client_max_window_bits=99999999999999999999",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover", "", ",,",
        ])
    func offersThatAreDeclined(offer: String) throws {
        let answer = try answer(to: offer)
        #expect(answer.deflate == nil)
        #expect(!answer.fields.contains { $0.0 == "Sec-WebSocket-Extensions" })
    }

    @Test(
        "a field that is no list of extensions is refused (RFC 6455 9.1)",
        arguments: [
            "permessage-deflate; a=\"", "permessage-deflate; a=\"\\", "permessage-deflate; =1",
            "permessage-deflate; a=",
            "a b", ";a", "a;", "a; b=\"x y\"", "a=1",
        ])
    func malformed(offer: String) {
        #expect(throws: HandshakeRefusal.extensionsInvalid) { try answer(to: offer) }
    }

    @Test("a server that does not compress takes no offer")
    func unwilling() throws {
        #expect(try answer(to: "permessage-deflate", compresses: false).deflate == nil)
    }

    @Test("many offers are no work")
    func floods() throws {
        let flood = Array(repeating: "permessage-deflate; x", count: 500).joined(separator: ",")
        #expect(try answer(to: flood + ", permessage-deflate").deflate == nil)
    }

    @Test("a client holds a server to what was offered")
    func answers() throws {
        var offer = DeflateOffer()
        #expect(try check(Self.accepted, offer) == PerMessageDeflate())
        #expect(try check(nil, offer) == nil)
        for wrong in [
            "permessage-deflate", Self.accepted + "; client_max_window_bits=10", Self.accepted + "; x",
            Self.accepted + "; server_max_window_bits=16", Self.accepted + ", " + Self.accepted, "x",
        ] {
            #expect(throws: HandshakeRefusal.extensionUnexpected, "\(wrong)") { try check(wrong, offer) }
        }
        #expect(throws: HandshakeRefusal.extensionUnexpected) { try check(Self.accepted, nil) }
        #expect(throws: HandshakeRefusal.extensionsInvalid) { try check("permessage-deflate; a=\"", offer) }

        offer.serverNoContextTakeover = false
        offer.clientNoContextTakeover = false
        offer.serverMaxWindowBits = 12
        offer.clientWindow = .atMost(13)
        let both = try check("permessage-deflate; server_max_window_bits=11; client_max_window_bits=10", offer)
        #expect(
            both
                == PerMessageDeflate(
                    serverTakesOver: true, clientTakesOver: true, serverWindowBits: 11, clientWindowBits: 10))
        let eight = try check("permessage-deflate; server_max_window_bits=8", offer)
        #expect(eight?.serverWindowBits == 9)
        for wrong in [
            "permessage-deflate", "permessage-deflate; server_max_window_bits=13",
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=14",
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits",
        ] {
            #expect(throws: HandshakeRefusal.extensionUnexpected, "\(wrong)") { try check(wrong, offer) }
        }
    }

    @Test("what the client offers, the server takes")
    func bothEnds() throws {
        var offer = DeflateOffer()
        offer.serverMaxWindowBits = 10
        offer.clientWindow = .boundable
        let fields = Handshake.requestFields(key: Self.key, deflate: offer)
        let text = try #require(fields.first { $0.0 == "Sec-WebSocket-Extensions" }?.1)
        let answer = try answer(to: text)
        let agreed = try check(answer.fields.first { $0.0 == "Sec-WebSocket-Extensions" }?.1, offer)
        #expect(agreed == answer.deflate)
        #expect(agreed?.serverWindowBits == 10)
    }
}
