/// Times as this dialect's rows have them.
enum ISOTime {
    /// `2026-11-21T16:35:21.123456+00:00`, of microseconds since 1970. Years 0 to 9999; what is outside is told as the
    /// nearest one.
    static func text(_ microseconds: Int64) -> String {
        let bounded = min(max(microseconds, -62_167_219_200_000_000), 253_402_300_799_999_999)
        let (days, rest) = divided(bounded, by: 86_400_000_000)
        let (year, month, day) = date(days)
        let (seconds, fraction) = rest.quotientAndRemainder(dividingBy: 1_000_000)
        let time = "\(two(seconds / 3_600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        return "\(digits(year, 4))-\(two(month))-\(two(day))T\(time).\(digits(fraction, 6))+00:00"
    }

    /// The civil date of a day since 1970 (Hinnant, "chrono-Compatible Low-Level Date Algorithms"): no time zone data,
    /// no formatter to be made for each row.
    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divided(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func divided(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func two(_ value: Int64) -> String { digits(value, 2) }

    private static func digits(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
