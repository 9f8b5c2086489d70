internal import Reactor

/// Bytes of one use over all shards, by their last words.
final class MemoryAllowance: Sendable {
    let bytesMax: Int
    /// What a shard has more or less since its last word before it says another.
    let stepBytes: Int
    private let state: Guarded<(ofShard: [Int], total: Int)>

    init(bytesMax: Int, shardCount: Int) {
        self.bytesMax = bytesMax
        // All shards' unsaid steps together are an eighth.
        stepBytes = max(1, bytesMax / (8 * max(1, shardCount)))
        state = Guarded((Array(repeating: 0, count: shardCount), 0))
    }

    func note(_ bytes: Int, of shard: Int) {
        state.withLock { state in
            state.total += bytes - state.ofShard[shard]
            state.ofShard[shard] = bytes
        }
    }

    /// Of all shards.
    var total: Int { state.withLock { $0.total } }

    var isFull: Bool { total > bytesMax }
    /// Half of it is used: time to save.
    var isCrowded: Bool { total > bytesMax / 2 }
}
