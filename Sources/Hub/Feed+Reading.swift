internal import Causality
internal import Logging
internal import Reactor
internal import Storage

/// What others have written is read once, and announced to all who are here.
extension Feed {
    /// Milliseconds between two tries of a read that failed: the store is away.
    private static let retryMilliseconds = 500

    /// Reads what `space` has to announce. One read of a space at a time: ``Follow`` sees to it.
    func read(_ space: Identifier) {
        readQueues.read(key: space.hashValue) { self.readNow(space) }
    }

    private func readNow(_ space: Identifier) {
        guard let stretch = stripe(of: space).withLock({ $0[space]?.nextStretch() ?? nil }) else { return }
        do throws(StoreError) {
            let generation = store.generation
            let broadcast = try load(stretch, of: space, generation)
            // Of another life: whoever finds that out ends all who are here.
            if store.generation == generation {
                stripe(of: space).withLock { follows in
                    guard let targets = follows[space]?.shards else { return }
                    follows[space]?.takeRead(broadcast) { post($0, to: targets) }
                }
            }
            // Behind the others: more has come, or the read ends there.
            read(space)
        } catch {
            log.warning("what other hubs have written could not be read: \(error)")
            readQueues.read(key: space.hashValue, afterMilliseconds: Feed.retryMilliseconds) { self.readNow(space) }
        }
    }

    /// A stretch that is too large for one announcement becomes one without its entries, behind which every subscriber
    /// reads for himself.
    private func load(
        _ stretch: Follow.Stretch, of space: Identifier, _ generation: Generation
    ) throws(StoreError) -> Broadcast {
        let page = try store.page(
            PageQuery(
                space: space, after: stretch.after, upTo: stretch.upTo, limit: limits.stretchEntriesMax,
                bytesMax: limits.stretchBytesMax))
        guard page.hasMore else {
            return Broadcast(
                CommittedBatch(space: space, after: stretch.after, upTo: page.upTo, entries: page.entries),
                generation: generation)
        }
        metrics.withLock { $0.largeGaps += 1 }
        let head = try store.head(of: space)
        return Broadcast(gapIn: space, after: stretch.after, upTo: head, generation: generation)
    }
}
