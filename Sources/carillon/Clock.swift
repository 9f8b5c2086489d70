internal import Foundation

/// Times as people read them.
enum Clock {
    /// Microseconds since 1970.
    static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }

    /// Local time: of today only the time of day, of other days the date as well.
    static func text(_ microseconds: Int64, now: Int64 = Clock.now) -> String {
        let then = parts(microseconds)
        let today = parts(now)
        let time = "\(two(then.tm_hour)):\(two(then.tm_min)):\(two(then.tm_sec))"
        guard then.tm_year != today.tm_year || then.tm_yday != today.tm_yday else { return time }
        return "\(then.tm_year + 1900)-\(two(then.tm_mon + 1))-\(two(then.tm_mday)) \(time)"
    }

    private static func parts(_ microseconds: Int64) -> tm {
        var seconds = time_t(microseconds / 1_000_000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return parts
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : String(number) }
}
