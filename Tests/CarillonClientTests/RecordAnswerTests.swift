import CarillonClient
import Causality
import Testing
import Wire

@Suite("Answers of REST")
struct RecordAnswerTests {
    @Test("a record reads as it was written, siblings and all")
    func roundTrip() throws {
        let change = Change(
            kind: "k", id: "i", clock: VectorClock([.init(replica: "r", counter: 1)]), hash: "h",
            body: Array("{ \"a\":1.0 }".utf8)[...], visibility: .private)
        let head = LogEntry(position: Position(5), author: "a", change: change)
        let record = Record(
            head: head, siblings: [LogEntry(position: Position(6), author: "b", change: change, isSibling: true)])
        var bytes: [UInt8] = []
        FrameEncoder.record(record, into: &bytes)
        #expect(try RecordAnswer.decode(bytes) == record)
    }

    @Test("anything else is an error", arguments: ["", "{}", "[]", #"{"head":1}"#])
    func refuses(text: String) {
        #expect(throws: FrameError.self) { try RecordAnswer.decode(Array(text.utf8)) }
    }

    @Test("segments of a path keep only what RFC 3986 leaves unreserved")
    func encodes() {
        #expect(PercentEncoding.encode("a/b c?ü~.-_%") == "a%2Fb%20c%3F%C3%BC~.-_%25")
    }
}
