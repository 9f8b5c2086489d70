internal import Causality
internal import Hub
internal import Storage
internal import Wire

/// `POST /api/sync/push`. Gone through twice: where the items lie, and then item by item, in chunks that are committed
/// while the next one is decoded. What is repeated after a lost answer is told by its clocks.
struct Push {
    private let caller: Caller
    private let body: DialectBody
    private let index: PushIndex
    private let lastSync: Int64?
    private let isForced: Bool

    /// Bytes that are read of a body at once.
    private static let pieceBytes = 1 << 20
    /// Commits that are under way: one that is decided, and one that waits for it.
    private static let commitsMax = 2

    init(_ body: DialectBody, _ limits: ContextFSLimits, caller make: (Identifier) throws -> Caller) throws {
        var index = PushIndex(itemsMax: limits.itemsMax)
        do {
            var offset = 0
            while true {
                let piece = try body.read(from: offset, countMax: Push.pieceBytes)
                guard !piece.isEmpty else { break }
                try piece.withUnsafeBytes { try index.read($0, at: offset) }
                offset += piece.count
            }
            try index.finish(offset)
        } catch let error as Malformed {
            throw Unprocessable.notJSON(at: error.offset, error.reason)
        }
        let fields = RequestFields(index.fields)
        for entity in Entity.allCases where fields.json(entity.list.description) != nil {
            throw Unprocessable(
                type: "list_type", place: ["body", entity.list.description], message: "Input should be a valid list")
        }
        caller = try make(try fields.device())
        lastSync = try fields.date("last_sync_timestamp")
        isForced = try fields.flag("force")
        self.body = body
        self.index = index
    }

    func answer() throws -> DialectAnswer {
        let (device, delivered, reach) = try caller.arrive()
        try forgetLostAnswers(delivered)
        var tally = PushTally(caller.limits)
        var decoder = ChunkDecoder(body, caller)
        var underWay: [PushChunk] = []
        for range in chunks() {
            let decoded = try decoder.decode(index.items[range])
            for refused in decoded.refused { tally.refuse(refused.entity, refused.refusal) }
            guard !decoded.changes.isEmpty else { continue }
            if underWay.count == Push.commitsMax { try underWay.removeFirst().finish(&tally) }
            var chunk = PushChunk(caller, reach, device, isForced: isForced)
            try chunk.begin(decoded.changes, &tally)
            underWay.append(chunk)
        }
        for chunk in underWay { try chunk.finish(&tally) }
        return DialectAnswer(json: tally.answer(try number(tally)))
    }

    /// The position of what was stored; as it was, where anything was not: the device comes again with all of it.
    private func number(_ tally: PushTally) throws(DialectError) -> Int64 {
        guard tally.isClean else { return lastSync ?? 0 }
        if let highest = tally.highest { return max(highest.microseconds, lastSync ?? 0) }
        let head = try caller.desk.reading { () throws(StoreError) in
            try caller.desk.store.head(of: caller.user.space)
        }
        return max(head.microseconds, lastSync ?? 0)
    }

    /// What was told with a larger number than the device's own did not reach it, and the answer to this push will have
    /// a larger one yet.
    private func forgetLostAnswers(_ delivered: Delivered?) throws {
        guard var delivered, delivered.forget(after: lastSync ?? 0) else { return }
        try caller.keep(delivered)
    }

    /// Stretches of items that are committed together.
    private func chunks() -> [Range<Int>] {
        var chunks: [Range<Int>] = []
        var first = 0
        for (number, item) in index.items.enumerated() {
            let isFull =
                number - first >= caller.limits.chunkItems
                || (number > first && item.end - index.items[first].start > caller.limits.chunkBytes)
            guard isFull else { continue }
            chunks.append(first..<number)
            first = number
        }
        if first < index.items.count { chunks.append(first..<index.items.count) }
        return chunks
    }
}
