/// Two reports, benchmark by benchmark.
public struct BenchComparison: Sendable {
    public enum Verdict: String, Sendable {
        case same
        case faster
        case slower
        /// In one report only.
        case added
        case removed
    }

    public struct Row: Sendable {
        public var name: String
        public var before: BenchResult?
        public var after: BenchResult?
        /// How many times as fast the second is; over 1 is better, whatever the unit.
        public var speed: Double?
        public var verdict: Verdict
    }

    public let rows: [Row]
    /// Both were made on one machine, by one clock.
    public let isOneMachine: Bool

    /// - Parameter threshold: a difference counts when it is larger than this part, 0.05 for 5 %, and when the samples'
    ///   ranges from p10 to p90 do not touch: what overlaps is noise.
    public init(_ before: BenchReport, _ after: BenchReport, threshold: Double) {
        isOneMachine = before.machine == after.machine && before.clock == after.clock
        let second = Dictionary(after.results.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let first = Set(before.results.map(\.name))
        rows =
            before.results.map { result in
                Self.row(result, second[result.name], threshold)
            }
            + after.results.filter { !first.contains($0.name) }.map {
                Row(name: $0.name, before: nil, after: $0, speed: nil, verdict: .added)
            }
    }

    public var hasRegression: Bool { rows.contains { $0.verdict == .slower } }

    private static func row(_ before: BenchResult, _ after: BenchResult?, _ threshold: Double) -> Row {
        guard let after, after.unit == before.unit else {
            return Row(name: before.name, before: before, after: after, speed: nil, verdict: .removed)
        }
        guard before.median > 0, after.median > 0 else {
            return Row(name: before.name, before: before, after: after, speed: nil, verdict: .same)
        }
        let ratio = after.median / before.median
        let speed = before.unit.moreIsBetter ? ratio : 1 / ratio
        let overlaps = before.p10 <= after.p90 && after.p10 <= before.p90
        var verdict = Verdict.same
        if !overlaps, speed > 1 + threshold { verdict = .faster }
        if !overlaps, speed < 1 - threshold { verdict = .slower }
        return Row(name: before.name, before: before, after: after, speed: speed, verdict: verdict)
    }

    /// The comparison for people.
    public var text: String {
        var lines = [
            Columns.line([
                ("benchmark", 34, false), ("before", 12, true), ("after", 12, true), ("unit", 7, false),
                ("speed", 7, true), ("", 8, false),
            ])
        ]
        for row in rows {
            let result = row.before ?? row.after
            lines.append(
                Columns.line([
                    (row.name, 34, false), (row.before.map { Columns.number($0.median) } ?? "-", 12, true),
                    (row.after.map { Columns.number($0.median) } ?? "-", 12, true),
                    (result?.unit.rawValue ?? "", 7, false),
                    (row.speed.map { "x" + Columns.number($0) } ?? "", 7, true),
                    (row.verdict == .same ? "" : row.verdict.rawValue, 8, false),
                ]))
        }
        if !isOneMachine {
            lines.append("The two were made on different machines, or by different clocks: their ratio says little.")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
