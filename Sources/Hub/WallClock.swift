internal import Causality
internal import Foundation

/// The clocks, read in this one place of the hub.
enum WallClock {
    /// Microseconds since 1970 as a log position.
    static var now: Position {
        let time = read(CLOCK_REALTIME)
        return Position(Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    /// Nanoseconds that only rise: for waits and deadlines.
    static var uptime: UInt64 {
        let time = read(CLOCK_MONOTONIC)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}
