/// Times of the proleptic Gregorian calendar, of microseconds since 1970, in UTC (Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms"): no time zone data, and no formatter to be made for each row.
public enum CivilTime {
    /// From the beginning of the year 0 to the end of the year 9999: what four digits spell.
    private static let bounds: ClosedRange<Int64> = -62_167_219_200_000_000...253_402_300_799_999_999

    /// Appends `2026-11-21T00:13:42.312164` (ISO 8601), to which the caller adds a zone. What is outside of the years 0
    /// to 9999 is told as the nearest of them.
    public static func write(_ microseconds: Int64, into out: inout [UInt8]) {
        let bounded = min(max(microseconds, bounds.lowerBound), bounds.upperBound)
        let (days, rest) = divided(bounded, by: 86_400_000_000)
        let (year, month, day) = date(days)
        let (second, fraction) = rest.quotientAndRemainder(dividingBy: 1_000_000)
        put(year, width: 4, "-", into: &out)
        put(month, width: 2, "-", into: &out)
        put(day, width: 2, "T", into: &out)
        put(second / 3_600, width: 2, ":", into: &out)
        put(second / 60 % 60, width: 2, ":", into: &out)
        put(second % 60, width: 2, ".", into: &out)
        put(fraction, width: 6, "", into: &out)
    }

    /// Days since 1970 of a date.
    public static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let (era, yearOfEra) = divided(Int64(month <= 2 ? year - 1 : year), by: 400)
        let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The date of a day since 1970.
    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divided(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    /// The quotient rounded down, so that the remainder is never negative.
    private static func divided(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func put(_ number: Int64, width: Int, _ separator: StaticString, into out: inout [UInt8]) {
        var power: Int64 = 1
        for _ in 1..<width { power *= 10 }
        while power > 0 {
            out.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / power % 10))
            power /= 10
        }
        out.put(separator)
    }
}
