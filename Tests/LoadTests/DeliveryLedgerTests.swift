import Testing

@testable import Load

@Suite("Delivery ledger")
struct DeliveryLedgerTests {
    private func missing(
        _ ledger: DeliveryLedger, total: UInt32, records: Int = 0, unaccepted: Set<UInt32> = []
    ) -> DeliveryLedger.Missing {
        ledger.missing(
            room: 0, receiver: 1, publisher: 0, total: total, records: records, unaccepted: unaccepted)
    }

    private func ledger(_ arrivals: [UInt32]) -> (DeliveryLedger, [DeliveryLedger.Arrival]) {
        var ledger = DeliveryLedger(rooms: 1, receiversPerRoom: 2, publishersPerRoom: 1)
        let verdicts = arrivals.map { ledger.arrived($0, room: 0, receiver: 1, publisher: 0) }
        return (ledger, verdicts)
    }

    @Test("what comes in its order is complete")
    func inOrder() {
        let (ledger, verdicts) = ledger([0, 1, 2, 3])
        #expect(verdicts.allSatisfy { $0 == .next })
        #expect(missing(ledger, total: 4) == DeliveryLedger.Missing())
    }

    @Test("what never comes is lost, in the middle and at the end")
    func lost() {
        let (ledger, _) = ledger([0, 3, 4])
        #expect(missing(ledger, total: 7).lost == 4)
        #expect(missing(ledger, total: 7, unaccepted: [1, 6]).lost == 2)
    }

    @Test("what comes twice is a duplicate, also inside a gap that was filled")
    func duplicates() {
        let (_, verdicts) = ledger([0, 0, 3, 1, 1, 2])
        #expect(verdicts == [.next, .duplicate, .next, .outOfOrder, .duplicate, .outOfOrder])
    }

    @Test("what fills a gap is out of order, and not lost")
    func outOfOrder() {
        let (ledger, _) = ledger([0, 5, 3])
        #expect(missing(ledger, total: 6).lost == 3)
    }

    @Test("a version that a later one of its record replaced is superseded, the newest never is")
    func superseded() {
        // Four versions of each of two records; only the last of record 1 came.
        let (ledger, _) = ledger([7])
        let found = missing(ledger, total: 8, records: 2)
        #expect(found.superseded == 6)
        #expect(found.lost == 1)
    }

    @Test("receivers, publishers and rooms are told apart")
    func pairs() {
        var ledger = DeliveryLedger(rooms: 3, receiversPerRoom: 4, publishersPerRoom: 2)
        for room in 0..<3 {
            for receiver in 0..<4 {
                for publisher in 0..<2 {
                    #expect(ledger.arrived(0, room: room, receiver: receiver, publisher: publisher) == .next)
                }
            }
        }
        #expect(ledger.arrived(0, room: 1, receiver: 1, publisher: 1) == .duplicate)
    }
}
