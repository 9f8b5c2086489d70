internal import Glibc

/// A clock that nobody sets.
enum MonotonicTime {
    /// Nanoseconds since some moment before the program began.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
