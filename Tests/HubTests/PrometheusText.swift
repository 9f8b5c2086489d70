import Testing

/// Prometheus' text format 0.0.4, read as strictly as it is written down.
struct PrometheusText {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Sample {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    private(set) var samples: [Sample] = []
    private(set) var types: [String: String] = [:]
    private var helps: Set<String> = []

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Failure(description: "no line feed at the end") }
        var family = ""
        var closed: Set<String> = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") {
                let name = String(line.dropFirst(7).prefix { $0 != " " })
                guard helps.insert(name).inserted else { throw Failure(description: "HELP twice: \(name)") }
                if !family.isEmpty { closed.insert(family) }
                family = name
            } else if line.hasPrefix("# TYPE ") {
                let words = line.dropFirst(7).split(separator: " ")
                guard words.count == 2, words[0] == family, types[family] == nil,
                    ["counter", "gauge", "histogram"].contains(words[1])
                else { throw Failure(description: "TYPE out of place: \(line)") }
                types[family] = String(words[1])
            } else {
                let sample = try PrometheusText.sample(line)
                let isHistogram = types[family] == "histogram"
                let names = isHistogram ? ["_bucket", "_sum", "_count"].map { family + $0 } : [family]
                guard names.contains(sample.name), !closed.contains(family), types[family] != nil else {
                    throw Failure(description: "a sample out of its family: \(line)")
                }
                guard types[family] != "counter" || family.hasSuffix("_total") else {
                    throw Failure(description: "a counter's name ends with _total: \(family)")
                }
                let isNew = !samples.contains { $0.name == sample.name && $0.labels == sample.labels }
                guard isNew else { throw Failure(description: "twice: \(line)") }
                samples.append(sample)
            }
        }
        try checkHistograms()
    }

    /// The sum of all samples with these labels.
    func value(_ name: String, _ labels: [String: String] = [:]) throws -> Double {
        let found = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        return try #require(found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }, "no \(name) \(labels)")
    }

    private func checkHistograms() throws {
        for (family, type) in types where type == "histogram" {
            let buckets = samples.filter { $0.name == family + "_bucket" }
            let bounds = try buckets.map { sample in
                let text = try #require(sample.labels["le"])
                return text == "+Inf" ? Double.infinity : try #require(Double(text))
            }
            let count = try value(family + "_count")
            let sum = try value(family + "_sum")
            guard bounds == bounds.sorted(), bounds.last == .infinity, buckets.last?.value == count,
                buckets.map(\.value) == buckets.map(\.value).sorted(), sum >= 0, (sum == 0) == (count == 0)
            else { throw Failure(description: "the histogram \(family) does not add up") }
        }
    }

    private static func sample(_ line: Substring) throws -> Sample {
        var rest = line
        func fail() -> Failure { Failure(description: "no sample: \(line)") }
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
        guard let first = name.first, !first.isNumber else { throw fail() }
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while rest.first != "}" {
                let label = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                rest = rest.dropFirst(label.count)
                guard !label.isEmpty, rest.hasPrefix("=\"") else { throw fail() }
                rest = rest.dropFirst(2)
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    switch rest.popFirst() {
                    case "n": value.append("\n")
                    case "\\": value.append("\\")
                    case "\"": value.append("\"")
                    default: throw fail()
                    }
                }
                guard labels.updateValue(value, forKey: String(label)) == nil else { throw fail() }
                if rest.first == "," { rest = rest.dropFirst() } else if rest.first != "}" { throw fail() }
            }
            rest = rest.dropFirst()
        }
        guard rest.first == " ", let value = Double(rest.dropFirst()) else { throw fail() }
        return Sample(name: String(name), labels: labels, value: value)
    }
}
