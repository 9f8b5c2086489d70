import HTTP
import Testing

@Suite struct EventStreamTests {
    private func event(_ data: String, id: String? = nil) -> String {
        var bytes: [UInt8] = []
        EventStreamWriter.appendEvent(type: "changes", id: id, data: Array(data.utf8), into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// WHATWG HTML 9.2.6, what concerns data: the lines of one event, joined by LF.
    private func dataRead(_ text: String) -> String {
        let text = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        return text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { $0.hasPrefix("data:") }
            .map { $0.dropFirst($0.hasPrefix("data: ") ? 6 : 5) }
            .joined(separator: "\n")
    }

    @Test func anEventNamesItsTypeItsIdAndItsData() {
        #expect(event("{}", id: "c1") == "event: changes\nid: c1\ndata: {}\n\n")
        #expect(event("{}") == "event: changes\ndata: {}\n\n")
    }

    @Test(arguments: ["{}", " {\n \"a\":\n\n1}\n", "", "\n", "a\n b"])
    func dataOverSeveralLinesIsReadAsItWas(_ data: String) {
        #expect(dataRead(event(data)) == data)
        #expect(event(data).components("\n\n") == 2)
    }

    @Test func aCarriageReturnEndsNoEventAndBecomesALineFeed() {
        #expect(dataRead(event("{\r\"a\":\r\n1}")) == "{\n\"a\":\n\n1}")
    }

    @Test func aCommentAndADelayAreNoEvents() {
        var bytes: [UInt8] = []
        EventStreamWriter.appendRetry(milliseconds: 1_500, into: &bytes)
        EventStreamWriter.appendComment(into: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "retry: 1500\n\n:\n\n")
    }
}

extension String {
    /// How many parts `separator` cuts it into.
    fileprivate func components(_ separator: String) -> Int {
        split(separator: separator, omittingEmptySubsequences: false).count
    }
}
