internal import Causality
internal import Hub
internal import Storage

/// Reads the items of a push's chunk.
struct ChunkDecoder {
    struct Chunk {
        var changes: [Change] = []
        var refused: [(entity: Entity, refusal: Refusal)] = []
    }

    private let body: DialectBody
    private let caller: Caller
    private var seen: Set<RecordName> = []
    /// The size that the user's memories have, once it was asked for; 0 where they have none.
    private var storedSize: Int?

    /// Entries that are looked through for an embedding.
    private static let lookedThroughMax = 200

    init(_ body: DialectBody, _ caller: Caller) {
        self.body = body
        self.caller = caller
    }

    mutating func decode(_ items: ArraySlice<PushIndex.Item>) throws -> Chunk {
        var chunk = Chunk()
        guard let first = items.first, let last = items.last else { return chunk }
        chunk.changes.reserveCapacity(items.count)
        let now = caller.desk.now.microseconds
        guard last.end - first.start <= caller.limits.chunkBytes + caller.limits.itemBytesMax else {
            chunk.refused.append((first.entity, Refusal(reason: "it has over \(caller.limits.itemBytesMax) bytes")))
            return chunk
        }
        let bytes = try body.read(from: first.start, countMax: last.end - first.start)
        try bytes.withUnsafeBytes { bytes in
            for item in items {
                let place = UnsafeRawBufferPointer(
                    rebasing: bytes[(item.start - first.start)..<(item.end - first.start)])
                guard place.count <= caller.limits.itemBytesMax else {
                    let reason = "it has over \(caller.limits.itemBytesMax) bytes"
                    chunk.refused.append((item.entity, Refusal(id: LooseID.find(place), reason: reason)))
                    continue
                }
                switch try EntityDecoder.decode(place, as: item.entity, now: now, fits: { try fits($0) }) {
                case .failure(let refusal): chunk.refused.append((item.entity, refusal))
                case .success(let change):
                    guard seen.insert(change.name).inserted else {
                        let reason = "the same id stands twice in this push; the first one is taken"
                        chunk.refused.append((item.entity, Refusal(id: change.id.text, reason: reason)))
                        continue
                    }
                    chunk.changes.append(change)
                }
            }
        }
        return chunk
    }

    /// ``ContextFSLimits/embeddingCount`` always fits; another size where the user's memories have it: of a client with
    /// another model.
    private mutating func fits(_ count: Int) throws -> Bool {
        if count == caller.limits.embeddingCount { return true }
        if storedSize == nil { storedSize = try sizeOfStored() }
        return count == storedSize
    }

    private func sizeOfStored() throws(DialectError) -> Int {
        let query = PageQuery(
            space: caller.user.space, after: .start, limit: ChunkDecoder.lookedThroughMax, kinds: [Entity.memory.kind])
        let page = try caller.desk.reading { () throws(StoreError) in try caller.desk.store.page(query) }
        return page.entries.lazy.compactMap { $0.change.embedding?.count }.first ?? 0
    }
}
