import HTTP
import HTTPTypes
import Testing

@Suite struct RequestParserTests {
    private func head(_ text: String) throws -> RequestHead {
        verified(text)
        var parser = RequestParser()
        return try #require(
            try Array(text.utf8).withUnsafeBytes { buffer -> RequestHead? in
                parser.receive(buffer)
                guard case .head(let head) = try parser.next() else { return nil }
                return head
            })
    }

    @Test func aHeadHasItsParts() throws {
        let head = try head("GET /a%2Fb?x=1&y=a%20b+c&z HTTP/1.1\r\nHost: h:80\r\nX-A:  v \t\r\nx-a: w\r\n\r\n")
        #expect(head.path == "/a%2Fb")
        #expect(head.query == "x=1&y=a%20b+c&z")
        #expect(head.request.authority == "h:80")
        #expect(head.field(try #require(HTTPField.Name("X-A"))) == "v, w")
        #expect(head.keepAlive)
        #expect(!head.isHTTP10)
    }

    @Test func anAbsoluteTargetOverridesHost() throws {
        let head = try head("GET HTTP://b:1?q HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.request.authority == "b:1")
        #expect(head.path == "/")
        #expect(head.query == "q")
    }

    @Test func optionsMayAskAboutTheServer() throws {
        #expect(try head("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path == "*")
        #expect(try head("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n").path == "*")
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false),
    ])
    func theConnectionStaysWhenBothWant(_ text: String, stays: Bool) throws {
        #expect(try head(text).keepAlive == stays)
    }

    @Test func oneEmptyLineBeforeARequestIsIgnored() throws {
        #expect(try head("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").path == "/")
    }

    @Test func pipelinedRequestsComeInOrder() {
        let events = verified(
            "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
                + "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
                + "2;a=\"b\"\r\nde\r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
                + "POST /4 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        let kinds = events.map { event in
            switch event {
            case .head(let text): String(text.split(separator: " ")[1])
            case .body(let bytes): String(decoding: bytes, as: UTF8.self)
            case .end: "."
            case .expectContinue: "100"
            case .failed(let error): "\(error)"
            }
        }
        #expect(kinds == ["/1", "abc", ".", "/2", ".", "/3", "de0123456789", ".", "/4", "."])
    }

    @Test func aClientThatWaitsIsToldOf() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
        #expect(verified(head + "Content-Length: 1\r\n\r\nx").dropFirst() == [.expectContinue, .body([120]), .end])
        #expect(verified(head + "Content-Length: 0\r\n\r\n").dropFirst() == [.end])
        #expect(
            verified("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx").dropFirst()
                == [.body([120]), .end])
    }

    @Test func bodiesUpToTheLimitPass() {
        var limits = HTTPLimits()
        limits.bodyBytesMax = 3
        let head = "POST / HTTP/1.1\r\nHost: a\r\n"
        #expect(verified(head + "Content-Length: 3\r\n\r\nabc", limits: limits).last == .end)
        #expect(verified(head + "Content-Length: 4\r\n\r\n", limits: limits).last == .failed(.bodyTooLarge))
        let chunked = head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
        #expect(verified(chunked + "1\r\nc\r\n0\r\n\r\n", limits: limits).last == .end)
        #expect(verified(chunked + "2\r\ncd\r\n", limits: limits).last == .failed(.bodyTooLarge))
    }

    @Test func aHeadOfExactlyTheLimitsPasses() {
        var limits = HTTPLimits()
        let text = "GET /abc HTTP/1.1\r\nHost: a\r\n\r\n"
        limits.requestLineBytesMax = 17
        limits.headBytesMax = text.utf8.count
        limits.fieldCountMax = 1
        #expect(verified(text, limits: limits).last == .end)
        limits.requestLineBytesMax = 16
        #expect(verified(text, limits: limits).last == .failed(.requestLineTooLong))
        limits.requestLineBytesMax = 17
        limits.headBytesMax -= 1
        #expect(verified(text, limits: limits).last == .failed(.headTooLarge))
    }

    @Test func theBytesAfterAnUpgradeAreHandedOver() throws {
        var parser = RequestParser()
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\nframes".utf8)
        try bytes.withUnsafeBytes { buffer in
            parser.receive(buffer)
            _ = try parser.next()
            #expect(parser.takeRemainder() == Array("frames".utf8))
            #expect(parser.takeRemainder().isEmpty)
        }
    }

    @Test func aBodyPointsIntoTheBuffer() throws {
        var parser = RequestParser()
        let bytes = Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab".utf8)
        try bytes.withUnsafeBytes { buffer in
            parser.receive(buffer)
            _ = try parser.next()
            guard case .body(let run) = try parser.next() else {
                Issue.record("no body")
                return
            }
            #expect(run.baseAddress == buffer.baseAddress?.advanced(by: buffer.count - 2))
        }
    }

    @Test func mutatedRequestsNeverTrapAndNeverDependOnTheirPieces() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(state: seed)
        let originals = [
            "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n",
            "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
        ].map { Array($0.utf8) }
        let octets = Array("\r\n :;,0aF\0\u{7F}/*?#%".utf8) + [0x80, 0xFF]
        for round in 0..<2000 {
            var bytes = originals[round % originals.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                let octet = octets[Int.random(in: 0..<octets.count, using: &generator)]
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = octet
                case 1: bytes.insert(octet, at: place)
                default: bytes.remove(at: place)
                }
            }
            let whole = Transcript.requests(bytes, step: bytes.count)
            let drip = Transcript.requests(bytes, step: 1)
            #expect(whole == drip, "seed \(seed), round \(round)")
        }
    }
}
