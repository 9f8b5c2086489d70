import Testing

@testable import Load

@Suite("Delivery ledger")
struct DeliveryLedgerTests {
    @Test("what comes in its order is complete")
    func inOrder() {
        var ledger = DeliveryLedger(rooms: 2, receiversPerRoom: 3, publishersPerRoom: 2)
        for sequence in 0..<5 as Range<UInt32> {
            #expect(ledger.arrived(sequence, room: 1, receiver: 2, publisher: 1) == .next)
        }
        let missing = ledger.missing(room: 1, receiver: 2, publisher: 1, total: 5, records: 0, unaccepted: [])
        #expect(missing == DeliveryLedger.Missing())
        let others = ledger.missing(room: 1, receiver: 1, publisher: 1, total: 5, records: 0, unaccepted: [])
        #expect(others.lost == 5)
    }
}
