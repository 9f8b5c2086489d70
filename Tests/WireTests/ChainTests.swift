import Causality
import Storage
import Testing
import Wire

@Suite struct ChainTests {
    private func entry(_ position: Int64, sibling: Bool = false, bytes: Int = 1) -> LogEntry {
        let change = Change(
            kind: "k", id: "i", clock: VectorClock(), hash: "h", body: ArraySlice(repeating: 0x31, count: bytes))
        return LogEntry(position: Position(position), author: "d", change: change, isSibling: sibling)
    }

    @Test func headsTravelTogetherAndEachSiblingAlone() {
        let entries = [entry(2), entry(3), entry(5, sibling: true), entry(6, sibling: true), entry(8)]
        let links = Chain.links(entries, after: Position(1), upTo: Position(9))
        #expect(
            links == [
                .changes(0..<2, after: Position(1), upTo: Position(3)),
                .conflict(2, after: Position(3), upTo: Position(5)),
                .conflict(3, after: Position(5), upTo: Position(6)),
                .changes(4..<5, after: Position(6), upTo: Position(9)),
            ])
    }

    @Test func nothingForTheDeviceStillMovesItsPlace() {
        #expect(
            Chain.links([], after: Position(1), upTo: Position(9)) == [.synced(after: Position(1), upTo: Position(9))])
        #expect(Chain.links([], after: Position(9), upTo: Position(9)) == [])
    }

    @Test func framesAreBoundedByCountAndBytes() {
        let entries = (1...5).map { entry(Int64($0), bytes: 10) }
        let byCount = Chain.links(entries, after: .start, upTo: Position(5), countMax: 2)
        #expect(byCount.count == 3)
        let byBytes = Chain.links(entries, after: .start, upTo: Position(5), bytesMax: 15)
        #expect(byBytes == byCount)
    }
}
