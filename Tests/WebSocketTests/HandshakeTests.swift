import HTTP
import HTTPTypes
import Testing
import WebSocket

@Suite struct HandshakeTests {
    private let key = "dGhlIHNhbXBsZSBub25jZQ=="

    private func requestHead(_ text: String) throws -> RequestHead {
        var parser = RequestParser()
        return try #require(
            try Array(text.utf8).withUnsafeBytes { buffer -> RequestHead? in
                parser.receive(buffer)
                guard case .head(let head) = try parser.next() else { return nil }
                return head
            })
    }

    private func responseHead(_ bytes: [UInt8]) throws -> ResponseHead {
        var parser = ResponseParser()
        return try #require(
            try bytes.withUnsafeBytes { buffer -> ResponseHead? in
                parser.receive(buffer)
                guard case .head(let head) = try parser.next() else { return nil }
                return head
            })
    }

    private func request(_ changes: (String, String)..., version: String = "1.1", method: String = "GET") throws
        -> RequestHead
    {
        var fields = Handshake.requestFields(key: key, subprotocols: ["one", "two"])
        for (name, value) in changes {
            fields.removeAll { $0.0 == name }
            if !value.isEmpty { fields.append((name, value)) }
        }
        let lines = fields.map { "\($0): \($1)\r\n" }.joined()
        return try requestHead("\(method) / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n")
    }

    @Test func theAcceptOfTheStandardsExample() {
        // RFC 6455 1.3.
        #expect(Handshake.accept(key: key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(Handshake.key(nonce: Array("the sample nonce".utf8)) == key)
    }

    @Test func bothEndsAgree() throws {
        let head = try request()
        #expect(Handshake.isRequested(by: head))
        let answer = try Handshake.answer(to: head, subprotocols: ["two", "one"])
        #expect(answer.subprotocol == "two")
        var bytes: [UInt8] = []
        ResponseWriter.appendHead(status: 101, fields: answer.fields, chunked: false, into: &bytes)
        #expect(try Handshake.check(responseHead(bytes), key: key, subprotocols: ["one", "two"]).subprotocol == "two")
        #expect(throws: HandshakeRefusal.subprotocolUnexpected) {
            try Handshake.check(responseHead(bytes), key: key, subprotocols: ["one"])
        }
        #expect(throws: HandshakeRefusal.acceptInvalid) {
            try Handshake.check(responseHead(bytes), key: "other", subprotocols: ["two"])
        }
    }

    @Test func tokensAreFoundInListsAndInAnyCase() throws {
        let head = try request(("Connection", "keep-alive, UPGRADE"), ("Upgrade", "h2c, WebSocket"))
        #expect(try Handshake.answer(to: head).subprotocol == nil)
    }

    @Test(arguments: [
        ("Upgrade", "", HandshakeRefusal.upgradeMissing),
        ("Upgrade", "h2c", .upgradeMissing),
        ("Connection", "", .connectionMissing),
        ("Connection", "close", .connectionMissing),
        ("Sec-WebSocket-Version", "", .versionUnsupported),
        ("Sec-WebSocket-Version", "8", .versionUnsupported),
        ("Sec-WebSocket-Key", "", .keyInvalid),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=", .keyInvalid),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ!=", .keyInvalid),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZTEy", .keyInvalid),
    ])
    func anIncompleteRequestIsRefused(_ name: String, _ value: String, _ refusal: HandshakeRefusal) throws {
        let head = try request((name, value))
        #expect(throws: refusal) { try Handshake.answer(to: head) }
    }

    @Test func onlyGetInHTTP11IsUpgraded() throws {
        let old = try request(version: "1.0")
        #expect(throws: HandshakeRefusal.methodInvalid) { try Handshake.answer(to: old) }
        let post = try request(method: "POST")
        #expect(throws: HandshakeRefusal.methodInvalid) { try Handshake.answer(to: post) }
    }

    @Test func anotherVersionIsToldOurs() {
        #expect(HandshakeRefusal.versionUnsupported.status == 426)
        #expect(HandshakeRefusal.versionUnsupported.fields.contains { $0 == ("Sec-WebSocket-Version", "13") })
    }

    @Test func anAnswerThatIsNot101IsRefused() throws {
        let head = try responseHead(Array("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".utf8))
        #expect(throws: HandshakeRefusal.statusUnexpected(403)) { try Handshake.check(head, key: key) }
    }
}
