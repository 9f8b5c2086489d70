/// Writes figures in Prometheus' text format, version 0.0.4: each family once, with its help and type before its samples.
struct MetricsPage {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var text = ""

    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP carillon_\(name) \(MetricsPage.escaped(help))\n# TYPE carillon_\(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) {
        sample(name, labels, text: String(value))
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], text value: String) {
        text += "carillon_\(name)"
        if !labels.isEmpty {
            let pairs = labels.map { "\($0)=\"\(MetricsPage.escaped($1, quotes: true))\"" }
            text += "{\(pairs.joined(separator: ","))}"
        }
        text += " \(value)\n"
    }

    /// A family of one sample.
    mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        family(name, kind, help)
        sample(name, [], value)
    }

    /// A family of one sample for each value of one label.
    mutating func labelled(_ name: String, _ kind: Kind, _ help: String, _ label: String, _ values: [(String, Int)]) {
        family(name, kind, help)
        for (value, count) in values { sample(name, [(label, value)], count) }
    }

    mutating func histogram(_ name: String, _ help: String, _ histogram: LatencyHistogram) {
        family(name, .histogram, help)
        var below = 0
        for (bound, count) in zip(LatencyHistogram.bounds, histogram.counts) {
            below += count
            sample("\(name)_bucket", [("le", bound.seconds)], below)
        }
        sample("\(name)_bucket", [("le", "+Inf")], histogram.count)
        sample("\(name)_sum", [], text: MetricsPage.seconds(histogram.sumNanoseconds))
        sample("\(name)_count", [], histogram.count)
    }

    /// What belongs to the process and not to the hub: its names are the same for every program.
    mutating func process(_ name: String, _ kind: Kind, _ help: String, _ value: String) {
        text += "# HELP process_\(name) \(help)\n# TYPE process_\(name) \(kind.rawValue)\nprocess_\(name) \(value)\n"
    }

    static func seconds(_ nanoseconds: UInt64) -> String {
        let rest = String(nanoseconds % 1_000_000_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 9 - rest.count) + rest
    }

    /// As the format wants it: backslash and line feed, and in a label's value quotes.
    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
