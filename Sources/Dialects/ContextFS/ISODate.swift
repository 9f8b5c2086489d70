internal import Wire

/// Dates as ContextFS writes them: ISO 8601 with up to six digits of a second; without a zone they are UTC.
enum ISODate {
    /// Appends `2026-11-21T00:13:42.312164Z`.
    static func write(_ microseconds: Int64, into out: inout [UInt8]) {
        CivilTime.write(microseconds, into: &out)
        out.put("Z")
    }

    static func text(_ microseconds: Int64) -> String {
        var out: [UInt8] = []
        write(microseconds, into: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Microseconds since 1970, and whether the text names its zone; nil where it is no date of the years 1 to 9999.
    static func read(_ text: some Collection<UInt8>) -> (microseconds: Int64, hasZone: Bool)? {
        var reader = DateReader(text: Array(text)[...])
        return reader.date()
    }
}

/// Walks over the text of one date.
private struct DateReader {
    var text: ArraySlice<UInt8>

    mutating func date() -> (microseconds: Int64, hasZone: Bool)? {
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2),
            take("T") || take("t") || take(" "),
            let hour = number(2), take(":"), let minute = number(2),
            year >= 1, 1...12 ~= month, 1...31 ~= day, hour < 24, minute < 60
        else { return nil }
        var second = 0
        var fraction = 0
        if take(":") {
            guard let read = number(2), read < 60 else { return nil }
            second = read
            if take(".") || take(",") {
                guard let read = self.fraction() else { return nil }
                fraction = read
            }
        }
        guard let zone = zone(), text.isEmpty else { return nil }
        let days = CivilTime.days(year, month, day)
        // A day that its month has not.
        guard day <= 28 || CivilTime.days(month == 12 ? year + 1 : year, month % 12 + 1, 1) > days else { return nil }
        let seconds = days * 86_400 + Int64(hour * 3_600 + minute * 60 + second - (zone.seconds ?? 0))
        return (seconds * 1_000_000 + Int64(fraction), zone.seconds != nil)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard text.first == UInt8(ascii: character) else { return false }
        text.removeFirst()
        return true
    }

    private mutating func number(_ width: Int) -> Int? {
        guard text.count >= width else { return nil }
        var number = 0
        for _ in 0..<width {
            let digit = text.removeFirst() &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            number = number * 10 + Int(digit)
        }
        return number
    }

    private mutating func fraction() -> Int? {
        var number = 0
        var count = 0
        while let digit = text.first.map({ $0 &- UInt8(ascii: "0") }), digit < 10 {
            if count < 6 { number = number * 10 + Int(digit) }
            count += 1
            text.removeFirst()
        }
        guard 1...18 ~= count else { return nil }
        while count < 6 {
            number *= 10
            count += 1
        }
        return number
    }

    /// Nil where there is something else than a zone; no seconds where there is nothing.
    private mutating func zone() -> (seconds: Int?, Void)? {
        if text.isEmpty { return (nil, ()) }
        if take("Z") || take("z") { return (0, ()) }
        let isWest = text.first == UInt8(ascii: "-")
        guard take("+") || take("-"), let hours = number(2), hours < 24 else { return nil }
        _ = take(":")
        var minutes = 0
        if !text.isEmpty {
            guard let read = number(2), read < 60 else { return nil }
            minutes = read
        }
        let seconds = hours * 3_600 + minutes * 60
        return (isWest ? -seconds : seconds, ())
    }
}
