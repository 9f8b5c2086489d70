internal import Foundation
internal import Logging

/// How a line of the log is written: for a person, or one JSON object. Whatever a value holds, a line stays one line.
enum LogFormat: Sendable {
    /// `2026-01-02T03:04:05.678Z info carillon: listens address=127.0.0.1:8787`.
    case text
    /// `{"time":"…","level":"info","label":"carillon","message":"listens","address":"127.0.0.1:8787"}`.
    case json

    /// Names of the object's own members; metadata of such a name gets `_` behind it.
    private static let ownNames: Set<String> = ["time", "level", "label", "message"]

    /// - Parameter microseconds: wall time since 1970.
    func line(
        at microseconds: Int64, _ level: Logger.Level, label: String, _ message: String, _ metadata: Logger.Metadata
    ) -> [UInt8] {
        let time = LogFormat.time(microseconds)
        let pairs = metadata.map { ($0.key, $0.value.description) }.sorted { $0.0 < $1.0 }
        var text = ""
        switch self {
        case .text:
            text = "\(time) \(level.rawValue) \(LogFormat.plain(label)): \(LogFormat.plain(message))"
            for (name, value) in pairs { text += " \(LogFormat.word(name))=\(LogFormat.word(value))" }
        case .json:
            text =
                "{\"time\":\"\(time)\",\"level\":\"\(level.rawValue)\",\"label\":\(LogFormat.quoted(label))"
                + ",\"message\":\(LogFormat.quoted(message))"
            for (name, value) in pairs {
                let name = LogFormat.ownNames.contains(name) ? name + "_" : name
                text += ",\(LogFormat.quoted(name)):\(LogFormat.quoted(value))"
            }
            text += "}"
        }
        return Array((text + "\n").utf8)
    }

    /// RFC 3339, UTC, with milliseconds.
    static func time(_ microseconds: Int64) -> String {
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        var time = time_t(rest < 0 ? seconds - 1 : seconds)
        let milliseconds = (rest < 0 ? rest + 1_000_000 : rest) / 1_000
        var parts = tm()
        gmtime_r(&time, &parts)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let day = [
            padded(Int(parts.tm_year) + 1_900, 4), padded(Int(parts.tm_mon) + 1, 2), padded(Int(parts.tm_mday), 2),
        ]
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }
        return day.joined(separator: "-") + "T" + clock.joined(separator: ":") + "." + padded(Int(milliseconds), 3)
            + "Z"
    }

    /// Without what ends a line, or moves a terminal's cursor, or turns its text around.
    static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var plain = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": plain += "\\n"
            case "\r": plain += "\\r"
            case "\t": plain += "\\t"
            case _ where isUnsafe(scalar): plain += "\\u{\(String(scalar.value, radix: 16))}"
            default: plain.unicodeScalars.append(scalar)
            }
        }
        return plain
    }

    /// As it is where it is one plain word, else in quotes: what a peer sent cannot look like another pair.
    private static func word(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.unicodeScalars.allSatisfy { $0 > " " && $0 < "\u{7f}" && !"\"=\\".unicodeScalars.contains($0) }
        if isPlain { return text }
        return "\"" + plain(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")) + "\""
    }

    /// A JSON string (RFC 8259 7), with all else escaped that ``plain(_:)`` escapes.
    private static func quoted(_ text: String) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\n": json += "\\n"
            case _ where isUnsafe(scalar):
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }
}
