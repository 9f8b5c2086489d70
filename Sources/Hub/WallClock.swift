internal import Causality
internal import Foundation

/// The time of day, read in this one place of the hub.
enum WallClock {
    /// Microseconds since 1970 as a log position.
    static var now: Position {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Position(Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
}
