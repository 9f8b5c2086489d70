internal import Foundation

/// A point in time as `--since` names it.
public enum SinceTime {
    /// Microseconds since 1970: `10m`, `2h`, `1d`, `30s` or `1w` before `now`, an ISO 8601 time, or `0` for the beginning.
    public static func parse(_ text: String, now: Int64) -> Int64? {
        if text == "0" { return 0 }
        if let unit = text.last, let seconds = seconds(unit), let count = Int64(text.dropLast()), count >= 0 {
            let (span, isOver) = count.multipliedReportingOverflow(by: seconds * 1_000_000)
            return isOver ? nil : max(0, now - span)
        }
        return isoTime(text)
    }

    private static func seconds(_ unit: Character) -> Int64? {
        switch unit {
        case "s": 1
        case "m": 60
        case "h": 3_600
        case "d": 86_400
        case "w": 604_800
        default: nil
        }
    }

    /// With an offset or Z, or local where it has none; the date alone is its midnight.
    private static func isoTime(_ text: String) -> Int64? {
        let exact = ISO8601DateFormatter()
        for options: ISO8601DateFormatter.Options in [
            [.withInternetDateTime], [.withInternetDateTime, .withFractionalSeconds],
        ] {
            exact.formatOptions = options
            if let date = exact.date(from: text) { return micros(date) }
        }
        let local = DateFormatter()
        local.locale = Locale(identifier: "en_US_POSIX")
        for format in [
            "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm", "yyyy-MM-dd",
        ] {
            local.dateFormat = format
            if let date = local.date(from: text) { return micros(date) }
        }
        return nil
    }

    private static func micros(_ date: Date) -> Int64 { max(0, Int64(date.timeIntervalSince1970 * 1_000_000)) }
}
