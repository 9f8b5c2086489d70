import Causality
import Testing

@Suite struct ChangeTests {
    @Test func theEstimateOfItsSizeCountsEveryPart() {
        var change = Change(kind: "note", id: "a", clock: VectorClock(), hash: "h", body: Array("{}".utf8)[...])
        let bare = change.encodedBytesEstimate
        change.body = Array(repeating: 0x31, count: 102)[...]
        #expect(change.encodedBytesEstimate == bare + 100)
        change.embedding = Array(repeating: 0.1, count: 8_192)
        #expect(change.encodedBytesEstimate >= bare + 100 + 8_192 * 12)
        let before = change.encodedBytesEstimate
        change.clock = VectorClock([.init(replica: "replica", counter: VectorClock.counterMax)])
        #expect(change.encodedBytesEstimate >= before + "\"replica\":9007199254740992,".utf8.count)
        change.id = Identifier(unchecked: String(repeating: "x", count: 256))
        #expect(change.encodedBytesEstimate > before + 255)
    }
}
