internal import Wire

/// Times as this dialect's rows have them.
enum ISOTime {
    /// `2026-11-21T16:35:21.123456+00:00`, of microseconds since 1970. Years 0 to 9999; what is outside is told as the
    /// nearest one.
    static func text(_ microseconds: Int64) -> String {
        var out: [UInt8] = []
        CivilTime.write(microseconds, into: &out)
        out.put("+00:00")
        return String(decoding: out, as: UTF8.self)
    }
}
