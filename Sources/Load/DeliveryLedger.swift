/// Who has which change: for each receiver and publisher of the same room the sequence number that must come next.
///
/// A publisher's changes are committed in their order, so they come in it: what is skipped is noted as a gap, what
/// fills a gap came out of order, what is below the next number and in no gap is a duplicate.
struct DeliveryLedger {
    enum Arrival {
        case next
        case outOfOrder
        case duplicate
    }

    /// What is missing at the end.
    struct Missing: Equatable {
        var lost = 0
        /// Versions that a later one of the same record had replaced before a slow or absent device could read them:
        /// the log keeps the newest.
        var superseded = 0
    }

    let receiversPerRoom: Int
    let publishersPerRoom: Int
    private var next: ContiguousArray<UInt32>
    private var gaps: [Int: [Range<UInt32>]] = [:]

    init(rooms: Int, receiversPerRoom: Int, publishersPerRoom: Int) {
        self.receiversPerRoom = receiversPerRoom
        self.publishersPerRoom = publishersPerRoom
        next = ContiguousArray(repeating: 0, count: rooms * receiversPerRoom * publishersPerRoom)
    }

    @inline(__always)
    private func pair(_ room: Int, _ receiver: Int, _ publisher: Int) -> Int {
        (room &* receiversPerRoom &+ receiver) &* publishersPerRoom &+ publisher
    }

    mutating func arrived(_ sequence: UInt32, room: Int, receiver: Int, publisher: Int) -> Arrival {
        let pair = pair(room, receiver, publisher)
        let expected = next[pair]
        if sequence == expected {
            next[pair] = expected &+ 1
            return .next
        }
        if sequence > expected {
            gaps[pair, default: []].append(expected..<sequence)
            next[pair] = sequence &+ 1
            return .next
        }
        return fill(sequence, pair) ? .outOfOrder : .duplicate
    }

    /// The sequence number after the highest that has come.
    func place(room: Int, receiver: Int, publisher: Int) -> UInt32 { next[pair(room, receiver, publisher)] }

    /// - Parameters:
    ///   - total: how many changes the publisher has sent.
    ///   - records: how many records they update in turn; 0: each is a record of its own.
    ///   - unaccepted: those that the hub did not take.
    func missing(
        room: Int, receiver: Int, publisher: Int, total: UInt32, records: Int, unaccepted: Set<UInt32>
    ) -> Missing {
        let pair = pair(room, receiver, publisher)
        var missing = Missing()
        var ranges = gaps[pair] ?? []
        if next[pair] < total { ranges.append(next[pair]..<total) }
        for sequence in ranges.joined() where !unaccepted.contains(sequence) {
            let later = UInt64(sequence) + UInt64(records)
            if records > 0, later < UInt64(total), !unaccepted.contains(UInt32(later)) {
                missing.superseded += 1
            } else {
                missing.lost += 1
            }
        }
        return missing
    }

    private mutating func fill(_ sequence: UInt32, _ pair: Int) -> Bool {
        guard var ranges = gaps[pair], let index = ranges.firstIndex(where: { $0.contains(sequence) }) else {
            return false
        }
        let range = ranges.remove(at: index)
        if range.lowerBound < sequence { ranges.append(range.lowerBound..<sequence) }
        if sequence + 1 < range.upperBound { ranges.append(sequence + 1..<range.upperBound) }
        gaps[pair] = ranges.isEmpty ? nil : ranges
        return true
    }
}
