internal import Causality
internal import Reactor

/// Stamps that tell which of two hubs' sessions is the later one: the time of day, but always over every stamp that was
/// given here or heard of. So a hub whose clock is behind is not always the one that loses.
final class HubClock: Sendable {
    /// Microseconds that a heard stamp may lie ahead: a wrong clock elsewhere must not move all stamps for ever.
    private static let aheadMax: Int64 = 3_600_000_000
    private let last = Guarded<Int64>(0)

    func next() -> Int64 {
        let now = WallClock.now.microseconds
        return last.withLock { last in
            last = max(last + 1, now)
            return last
        }
    }

    /// Whether the stamp tells anything: false where it lies so far ahead that the clock it comes from is wrong.
    func hear(_ stamp: Int64) -> Bool {
        guard stamp <= WallClock.now.microseconds + HubClock.aheadMax else { return false }
        last.withLock { $0 = max($0, stamp) }
        return true
    }
}
