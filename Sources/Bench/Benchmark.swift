/// One thing that is measured by itself, in this process.
public struct Benchmark: Sendable {
    /// How a result is told.
    public enum Unit: String, Sendable, Codable {
        /// Nanoseconds for one operation: less is better.
        case nanoseconds = "ns/op"
        /// Bytes that pass in a nanosecond: more is better.
        case gigabytes = "GB/s"
        /// More is better.
        case rows = "rows/s"

        public var moreIsBetter: Bool { self != .nanoseconds }
    }

    /// Runs so many operations and returns something that depends on every result, so that none of them can be left
    /// out by the optimiser.
    typealias Work = (_ operations: Int) throws -> Int

    /// `group/topic`: what `--filter` looks in.
    public let name: String
    public let unit: Unit
    /// Bytes or rows of one operation; 1 where a unit is an operation.
    public let amount: Int
    /// Makes what it needs; called once, before anything is timed. What it made goes when the work is let go.
    let prepare: @Sendable () throws -> Work

    init(_ name: String, _ unit: Unit, amount: Int = 1, prepare: @escaping @Sendable () throws -> Work) {
        self.name = name
        self.unit = unit
        self.amount = amount
        self.prepare = prepare
    }

    /// A time of one operation in this benchmark's unit.
    func value(nanoseconds: Double) -> Double {
        let time = max(nanoseconds, 1e-6)
        switch unit {
        case .nanoseconds: return time
        case .gigabytes: return Double(amount) / time
        case .rows: return Double(amount) * 1e9 / time
        }
    }

    /// All there are.
    public static var all: [Benchmark] {
        codec + bytes + network + causality + stores
    }
}
