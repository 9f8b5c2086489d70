import HTTP
import HTTPTypes
import Testing

@Suite struct ResponseTests {
    private func verified(
        _ text: String, method: HTTPRequest.Method = .get, closes: Bool = false
    ) -> [Transcript] {
        let bytes = Array(text.utf8)
        let whole = Transcript.responses(bytes, step: bytes.count, method: method, closes: closes)
        for step in [1, 3, 7] {
            #expect(Transcript.responses(bytes, step: step, method: method, closes: closes) == whole)
        }
        return whole
    }

    private let abc = Transcript.body(Array("abc".utf8))

    @Test func aBodyHasItsLengthOrItsChunks() {
        #expect(
            verified("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200\r\nContent-Length: 0\r\n\r\n")
                == [.head("200 true"), abc, .end, .head("200 true"), .end])
        #expect(
            verified("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")
                == [.head("200 true"), abc, .end])
    }

    @Test func aBodyWithoutLengthLastsUntilTheClose() {
        #expect(verified("HTTP/1.0 200 OK\r\n\r\nabc", closes: true) == [.head("200 false"), abc, .end])
    }

    @Test func someResponsesHaveNoBody() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
        #expect(verified(ok, method: .head) == [.head("200 true"), .end])
        #expect(verified("HTTP/1.1 204 No\r\n\r\n") == [.head("204 true"), .end])
        #expect(verified("HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n") == [.head("304 true"), .end])
    }

    @Test func interimResponsesArePassedOverBut101() {
        #expect(
            verified("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 204 No\r\n\r\n")
                == [.head("204 true"), .end])
        #expect(verified("HTTP/1.1 101 Switching\r\n\r\n\u{1}\u{2}") == [.head("101 true"), .end])
    }

    @Test func aCutMessageIsRecordedAsSuch() {
        for text in ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "HTTP/1.1 200 OK\r\n"] {
            #expect(verified(text, closes: true).last == .failed(.truncated))
        }
    }

    @Test(arguments: ["HTTP/1.1 20 OK", "HTTP/1.1  200 OK", "HTTP/1.1 2000 OK", "HTTX/1.1 200 OK", "HTTP/1.1 099 A"])
    func aMalformedStatusLineIsRefused(_ line: String) {
        #expect(verified(line + "\r\n\r\n") == [.failed(.statusLineInvalid)])
    }

    @Test func writtenResponsesAreReadBack() {
        var bytes: [UInt8] = []
        ResponseWriter.appendContinue(into: &bytes)
        ResponseWriter.append(
            status: 200, fields: [("X", "y"), ("Content-Length", "9")], body: Array("abc".utf8), keepAlive: true,
            into: &bytes)
        ResponseWriter.appendHead(status: 200, fields: [], chunked: true, into: &bytes)
        ResponseWriter.appendChunk([97], into: &bytes)
        ResponseWriter.appendChunk([], into: &bytes)
        ResponseWriter.appendChunk(Array("bc".utf8), into: &bytes)
        ResponseWriter.appendLastChunk(into: &bytes)
        ResponseWriter.append(status: 404, fields: [], body: [], keepAlive: false, into: &bytes)
        #expect(
            verified(String(decoding: bytes, as: UTF8.self))
                == [.head("200 true"), abc, .end, .head("200 true"), abc, .end, .head("404 false"), .end])
    }

    @Test func aFieldThatWouldSplitTheResponseIsDropped() {
        var bytes: [UInt8] = []
        ResponseWriter.append(
            status: 200, fields: [("A", "b\r\nC: d"), ("E\r\nF", "g"), ("H", "i\0"), ("J", "k")], body: [],
            keepAlive: true, into: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self) == "HTTP/1.1 200 OK\r\nJ: k\r\nContent-Length: 0\r\n\r\n")
    }

    @Test func aClosingResponseContradictsItselfNever() {
        var bytes: [UInt8] = []
        let fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Connection", "keep-alive")]
        ResponseWriter.append(status: 426, fields: fields, body: [], keepAlive: false, into: &bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("Connection: Upgrade\r\nConnection: close\r\n"))
        #expect(!text.contains("keep-alive"))
    }

    @Test func writtenRequestsAreReadBack() {
        var bytes: [UInt8] = []
        #expect(
            RequestWriter.append(
                method: "POST", target: "/a?b", fields: [("Host", "h")], body: Array("abc".utf8), into: &bytes))
        #expect(RequestWriter.appendChunkedHead(method: "PUT", target: "/", fields: [("Host", "h")], into: &bytes))
        RequestWriter.appendChunk(Array("abc".utf8), into: &bytes)
        RequestWriter.appendLastChunk(into: &bytes)
        let count = bytes.count
        #expect(!RequestWriter.append(method: "GET", target: "/ x", fields: [], body: nil, into: &bytes))
        #expect(bytes.count == count)
        let events = HTTPTests.verified(bytes)
        #expect(events.count == 6)
        #expect(events[1] == abc && events[4] == abc && events[5] == .end)
    }
}
