/// What a benchmark gave.
public struct BenchResult: Sendable, Codable, Equatable {
    public var name: String
    public var unit: Benchmark.Unit
    public var median: Double
    /// The tenth and the ninetieth percentile of the samples, by value.
    public var p10: Double
    public var p90: Double
    /// CPU time of one operation, over all threads of the process.
    public var cpuNanoseconds: Double
    /// In one sample.
    public var operations: Int
    public var samples: [Double]
    /// Depends on all that was computed. Not written down: it means nothing.
    public var consumed = 0

    init(
        name: String, unit: Benchmark.Unit, samples: [Double], cpuNanoseconds: Double, operations: Int,
        consumed: Int = 0
    ) {
        self.name = name
        self.unit = unit
        self.samples = samples
        self.cpuNanoseconds = cpuNanoseconds
        self.operations = operations
        self.consumed = consumed
        let sorted = samples.sorted()
        median = Quantile.of(sorted, 0.5)
        p10 = Quantile.of(sorted, 0.1)
        p90 = Quantile.of(sorted, 0.9)
    }

    enum CodingKeys: String, CodingKey {
        case name, unit, median, p10, p90
        case cpuNanoseconds = "cpu_ns_per_op"
        case operations = "operations_per_sample"
        case samples
    }

    /// The result as a line of a table.
    public var line: String {
        let spread = median > 0 ? (p90 - p10) / median * 100 : 0
        return Columns.line([
            (name, 34, false), (Columns.number(median), 12, true), (unit.rawValue, 7, false),
            (Columns.number(p10) + " - " + Columns.number(p90), 24, true),
            ("\(Int(spread.rounded()))%", 5, true), (Columns.number(cpuNanoseconds), 13, true),
        ])
    }

    public static let heading = Columns.line([
        ("benchmark", 34, false), ("median", 12, true), ("unit", 7, false), ("p10 - p90", 24, true), ("", 5, true),
        ("CPU ns/op", 13, true),
    ])
}

/// Many results of one program on one machine.
public struct BenchReport: Sendable, Codable {
    public var version: String
    /// The processor and how many of it: figures of different machines say nothing together.
    public var machine: String
    /// `wall` or `cpu`: what the samples are times of.
    public var clock: String
    public var results: [BenchResult]

    public init(version: String, machine: String, clock: String, results: [BenchResult]) {
        self.version = version
        self.machine = machine
        self.clock = clock
        self.results = results
    }
}

/// Quantiles of few samples.
enum Quantile {
    /// Between the two nearest of `sorted` by distance; 0 of none.
    static func of(_ sorted: [Double], _ part: Double) -> Double {
        guard let last = sorted.indices.last else { return 0 }
        let place = min(max(part, 0), 1) * Double(last)
        let low = Int(place.rounded(.down))
        let high = min(low + 1, last)
        return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
    }
}

/// A table's columns.
enum Columns {
    static func line(_ cells: [(text: String, width: Int, isRight: Bool)]) -> String {
        cells.map { text, width, isRight in
            let pad = String(repeating: " ", count: max(0, width - text.count))
            return isRight ? pad + text : text + pad
        }.joined(separator: " ")
    }

    /// Four significant digits, without an exponent.
    static func number(_ value: Double) -> String {
        let size = value.magnitude
        if size >= 1_000 { return grouped(Int(value.rounded())) }
        let places = size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4
        var factor = 1
        for _ in 0..<places { factor *= 10 }
        let scaled = Int((size * Double(factor)).rounded())
        let fraction = String(scaled % factor)
        let zeros = String(repeating: "0", count: places - fraction.count)
        return (value < 0 ? "-" : "") + "\(scaled / factor).\(zeros)\(fraction)"
    }

    private static func grouped(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return (value < 0 ? "-" : "") + text
    }
}
