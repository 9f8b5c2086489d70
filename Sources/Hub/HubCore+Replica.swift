internal import Causality
internal import Logging
internal import Reactor
internal import Storage

/// Reads that a replica of the store may serve.
extension HubCore {
    /// Runs `body` on the replica where there is one, it is of the same life, and it has replayed `space` at least up to
    /// `position`; else, and where it is away, on the store.
    func reading<Value>(
        _ space: Identifier, from position: Position = .start,
        _ body: (any Store) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        guard let replica = pullStore else { return try body(store) }
        do throws(StoreError) {
            let life = store.generation
            if try replica.head(of: space) >= position, replica.generation == life {
                let value = try body(replica)
                // It may have replayed a restore meanwhile.
                if replica.generation == life { return value }
            }
        } catch {
            guard error.isRetryable else { throw error }
            log.warning("the replica could not be read, the store is: \(error)")
        }
        metrics.withLock { $0.replicaMisses += 1 }
        return try body(store)
    }
}
