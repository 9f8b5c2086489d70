import HTTP
import Testing

struct Refusal: Sendable, CustomTestStringConvertible {
    let input: String
    let error: HTTPError

    init(_ input: String, _ error: HTTPError) {
        self.input = input
        self.error = error
    }

    /// Short: some inputs are kilobytes of one letter.
    var testDescription: String { "\(error), \(input.utf8.count) bytes" }
}

@Suite struct RefusalTests {
    private static let post = "POST / HTTP/1.1\r\nHost: a\r\n"
    private static let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"

    static let refusals: [Refusal] = [
        // Framing told twice or wrongly.
        .init(post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .contentLengthBesideTransferEncoding),
        // The Kelvin sign is a "k" to Unicode and to nobody else.
        .init(post + "Transfer-Encoding: chun\u{212A}ed\r\n\r\n", .transferCodingUnsupported),
        .init(post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", .contentLengthBesideTransferEncoding),
        .init(post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", .contentLengthRepeated),
        .init(post + "Content-Length: 1\r\ncontent-length: 1\r\n\r\n", .contentLengthRepeated),
        .init(post + "Content-Length: 1, 1\r\n\r\n", .contentLengthInvalid),
        .init(post + "Content-Length: +1\r\n\r\n", .contentLengthInvalid),
        .init(post + "Content-Length: -1\r\n\r\n", .contentLengthInvalid),
        .init(post + "Content-Length: 0x1\r\n\r\n", .contentLengthInvalid),
        .init(post + "Content-Length:\r\n\r\n", .contentLengthInvalid),
        .init(post + "Content-Length: 99999999999999999999\r\n\r\n", .bodyTooLarge),
        .init(post + "Content-Length: 16777217\r\n\r\n", .bodyTooLarge),
        .init(post + "Transfer-Encoding: gzip\r\n\r\n", .transferCodingUnsupported),
        .init(post + "Transfer-Encoding: gzip, chunked\r\n\r\n", .transferCodingUnsupported),
        .init(post + "Transfer-Encoding: xchunked\r\n\r\n", .transferCodingUnsupported),
        .init(post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", .transferCodingUnsupported),
        .init(post + "Transfer-Encoding: chunked, chunked\r\n\r\n", .transferEncodingInvalid),
        .init(post + "Transfer-Encoding:\r\n\r\n", .transferEncodingInvalid),
        .init(post + "Transfer-Encoding: \u{B}chunked\r\n\r\n", .fieldValueInvalid),
        .init("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInvalid),
        // Lines.
        .init("GET / HTTP/1.1\nHost: a\n\n", .lineEndInvalid),
        .init("GET / HTTP/1.1\r\nHost: a\n\r\n", .lineEndInvalid),
        .init("GET / HTTP/1.1\r\nHost: a\r\n\n", .lineEndInvalid),
        .init("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", .lineEndInvalid),
        .init("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", .foldingObsolete),
        .init("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldingObsolete),
        .init("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .spaceBeforeColon),
        .init("GET / HTTP/1.1\r\nHost\r\n\r\n", .fieldNameInvalid),
        .init("GET / HTTP/1.1\r\n: a\r\n\r\n", .fieldNameInvalid),
        .init("GET / HTTP/1.1\r\nHo st: a\r\n\r\n", .fieldNameInvalid),
        .init("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", .fieldValueInvalid),
        .init("GET / HTTP/1.1\r\nHost: a\r\nX: \u{7F}\r\n\r\n", .fieldValueInvalid),
        .init("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
        // Host.
        .init("GET / HTTP/1.1\r\n\r\n", .hostMissing),
        .init("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .hostRepeated),
        .init("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .hostRepeated),
        .init("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .hostInvalid),
        .init("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .hostInvalid),
        .init("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .hostInvalid),
        // Request line.
        .init("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
        .init("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .requestLineInvalid),
        .init("GET /\r\nHost: a\r\n\r\n", .requestLineInvalid),
        .init("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
        .init("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
        .init("GET / http/1.1\r\nHost: a\r\n\r\n", .requestLineInvalid),
        .init("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .requestLineInvalid),
        .init("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionUnsupported),
        .init("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionUnsupported),
        .init("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
        .init("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
        .init("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
        .init("GET /\u{E9} HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
        .init("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
        .init("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .targetInvalid),
        .init("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", .methodUnsupported),
        // Chunks.
        .init(chunked + "g\r\n", .chunkInvalid),
        .init(chunked + "\r\n", .chunkInvalid),
        .init(chunked + "-1\r\n", .chunkInvalid),
        .init(chunked + "0x1\r\n", .chunkInvalid),
        .init(chunked + "1 \r\na\r\n", .chunkInvalid),
        .init(chunked + "1\na\r\n", .chunkInvalid),
        .init(chunked + "1;a\nb\r\n", .chunkInvalid),
        .init(chunked + "1\rXa\r\n", .chunkInvalid),
        .init(chunked + "1\r\nab\r\n", .chunkInvalid),
        .init(chunked + "1\r\na\n", .chunkInvalid),
        .init(chunked + "ffffffffffffffff\r\n", .chunkInvalid),
        .init(chunked + "7fffffffffffffff\r\n", .bodyTooLarge),
        .init(chunked + "1\r\na\r\n7fffffffffffffff\r\n", .bodyTooLarge),
        .init(chunked + "00000000000000000\r\n", .chunkInvalid),
        .init(chunked + "0\r\nA\r\n", .trailerInvalid),
        .init(chunked + "0\r\nA: b\n", .trailerInvalid),
        .init(chunked + "0\r\n\rX", .trailerInvalid),
        .init(chunked + "0;" + String(repeating: "x", count: 1024) + "\r\n", .chunkExtensionsTooLong),
        .init(chunked + "0\r\nA: " + String(repeating: "x", count: 8192) + "\r\n", .trailerTooLarge),
        // Sizes.
        .init("GET /" + String(repeating: "a", count: 8192), .requestLineTooLong),
        .init(post + "A: " + String(repeating: "a", count: 16_384), .headTooLarge),
        .init(post + String(repeating: "A: b\r\n", count: 100) + "\r\n", .fieldsTooMany),
    ]

    @Test("A message that two readers could understand differently is refused", arguments: refusals)
    func refused(_ refusal: Refusal) {
        #expect(verified(refusal.input).last == .failed(refusal.error), "\(refusal.input.debugDescription)")
    }

    @Test func theErrorStaysTheSameForEver() {
        var parser = RequestParser()
        let bytes = Array("GET / HTTP/1.1\n".utf8)
        bytes.withUnsafeBytes { buffer in
            parser.receive(buffer)
            #expect(throws: HTTPError.lineEndInvalid) { try parser.next() }
            parser.receive(buffer)
            #expect(throws: HTTPError.lineEndInvalid) { try parser.next() }
        }
    }

    @Test func chunkExtensionsAreBoundedOverTheWholeBody() {
        let chunks = String(repeating: "1;xxxxxxx\r\na\r\n", count: 200)
        let events = verified(Self.chunked + chunks)
        #expect(events.last == .failed(.chunkExtensionsTooLong))
    }

    @Test func statusesAreThoseOfTheStandard() {
        #expect(HTTPError.requestLineTooLong.status == 414)
        #expect(HTTPError.headTooLarge.status == 431)
        #expect(HTTPError.bodyTooLarge.status == 413)
        #expect(HTTPError.transferCodingUnsupported.status == 501)
        #expect(HTTPError.versionUnsupported.status == 505)
        #expect(HTTPError.hostMissing.status == 400)
    }
}
