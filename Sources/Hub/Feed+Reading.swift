internal import Causality
internal import Logging
internal import Reactor
internal import Storage

/// What others have written is read once, and announced to all who are here.
extension Feed {
    /// Milliseconds between two tries of a read that failed: the store is away.
    private static let retryMilliseconds = 500

    /// Reads what `space` has to announce, for the follow with that id. One read of it at a time: ``Follow`` sees to it.
    func read(_ space: Identifier, of follow: UInt64) {
        readQueues.read(key: space.hashValue) { self.readNow(space, of: follow) }
    }

    private func readNow(_ space: Identifier, of follow: UInt64) {
        let begun = stripe(of: space).withLock { follows -> (stretch: Follow.Stretch, life: Generation)? in
            guard let present = follows[space], present.id == follow, let stretch = follows[space]?.nextStretch() else {
                return nil
            }
            return (stretch, present.generation)
        }
        guard let (stretch, life) = begun else { return }
        do throws(StoreError) {
            let wasOfThisLife = store.generation == life
            let broadcast = try load(stretch, of: space, life)
            let generation = store.generation
            let goesOn = stripe(of: space).withLock { follows -> Bool in
                guard let present = follows[space], present.id == follow else { return false }
                if wasOfThisLife, generation == life, present.generation == life {
                    follows[space]?.takeRead(broadcast) { post($0, to: present.shards) }
                } else if present.generation != generation {
                    // Of another life: whoever finds that out ends all who are here.
                    follows[space]?.endReading()
                    return false
                }
                // Else it began anew while the old log was read, of which nothing is told.
                return true
            }
            // Behind the others: more has come, or the read ends there.
            if goesOn { read(space, of: follow) }
        } catch {
            log.warning("what other hubs have written could not be read: \(error)")
            readQueues.read(key: space.hashValue, afterMilliseconds: Feed.retryMilliseconds) {
                self.readNow(space, of: follow)
            }
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
