import CarillonClient
import Causality
import Storage
import Testing
import Wire

@Suite("The chain of cursors")
struct CursorChainTests {
    private func cursor(_ position: Int64, generation: UInt64 = 1) -> Cursor {
        Cursor(generation: Generation(generation), spaceTag: 7, position: Position(position))
    }

    @Test("each frame begins where the one before ended")
    func follows() {
        var chain = CursorChain(at: nil)
        #expect(chain.advance(after: cursor(0), upTo: cursor(5)) == .next)
        #expect(chain.advance(after: cursor(5), upTo: cursor(9)) == .next)
        #expect(chain.cursor == cursor(9))
    }

    @Test("a frame that begins later, earlier or in another life of the log is a gap, and moves nothing")
    func tellsGaps() {
        for after in [cursor(6), cursor(4), cursor(5, generation: 2)] {
            var chain = CursorChain(at: cursor(5))
            #expect(chain.advance(after: after, upTo: cursor(9)) == .gap(expected: cursor(5), found: after))
            #expect(chain.cursor == cursor(5))
        }
    }

    @Test("without a cursor only the log's beginning will do")
    func beginsAtTheBeginning() {
        var chain = CursorChain(at: nil)
        #expect(chain.advance(after: cursor(3), upTo: cursor(9)) == .gap(expected: nil, found: cursor(3)))
        #expect(chain.cursor == nil)
    }

    @Test("a reset forgets the cursor")
    func resets() {
        var chain = CursorChain(at: cursor(5))
        chain.reset()
        #expect(chain.advance(after: cursor(0, generation: 2), upTo: cursor(1, generation: 2)) == .next)
    }
}
