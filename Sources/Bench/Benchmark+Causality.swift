internal import Causality

/// Clocks and verdicts.
extension Benchmark {
    static var causality: [Benchmark] {
        [1, 8, 64].flatMap { entries in
            [
                compare(entries), merge(entries),
                verdict("newer", entries, incoming: Material.clock(entries, counter: 8)),
                verdict(
                    "concurrent", entries,
                    incoming: Material.clock(1, counter: 9, from: entries + 1)
                        .merged(with: Material.clock(entries, counter: 6))),
            ]
        }
    }

    private static func compare(_ entries: Int) -> Benchmark {
        Benchmark("causality/compare-\(entries)", .nanoseconds) {
            let clocks = (0..<16).map { Material.clock(entries, counter: Int64(7 + $0 % 3)) }
            return { operations in
                var sum = 0
                for index in 0..<operations {
                    if clocks[index & 15].compare(clocks[(index &+ 1) & 15]) == .after { sum &+= 1 }
                }
                return sum
            }
        }
    }

    private static func merge(_ entries: Int) -> Benchmark {
        Benchmark("causality/merge-\(entries)", .nanoseconds) {
            let clocks = (0..<16).map { Material.clock(entries, counter: Int64(7 + $0), from: $0 & 1) }
            return { operations in
                var sum = 0
                for index in 0..<operations {
                    sum &+= clocks[index & 15].merged(with: clocks[(index &+ 1) & 15]).entries.count
                }
                return sum
            }
        }
    }

    /// The whole decision of one change against one stored version.
    private static func verdict(_ name: String, _ entries: Int, incoming: VectorClock) -> Benchmark {
        Benchmark("causality/verdict-\(name)-\(entries)", .nanoseconds) {
            let records = (0..<16).map { number in
                Record(
                    head: LogEntry(
                        position: Position(Int64(number + 1)), author: Material.device,
                        change: Material.change(number, bodyBytes: 128, clock: Material.clock(entries))))
            }
            let changes = (0..<16).map { Material.change($0 + 100, bodyBytes: 128, clock: incoming) }
            let resolver = Resolver(policy: .manual, isForced: false, replica: Material.replica)
            return { operations in
                var sum = 0
                for index in 0..<operations {
                    let resolution = resolver.resolve(changes[index & 15], against: records[(index &+ 3) & 15])
                    if resolution.verdict == .accepted { sum &+= 1 }
                }
                return sum
            }
        }
    }
}
