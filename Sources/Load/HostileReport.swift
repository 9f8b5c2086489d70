/// What an attack did to the hub and to its well-behaved devices. Its JSON form is this, key for key.
public struct HostileReport: Sendable, Codable {
    public struct Phase: Sendable, Codable {
        /// `before`, `attack`, `after`.
        public var name: String
        public var seconds: Double
        public var pushes: Int
        public var deliveries: Int
        public var pushToDelivery: LoadReport.Latency?
        public var faults: LoadFaults
        /// Devices that could not connect, and live ones that the hub let go.
        public var failed: Int
        public var lostConnections: Int
        public var trouble: String?

        init(_ name: String, _ report: LoadReport) {
            self.name = name
            seconds = report.seconds.rounded(toPlaces: 2)
            pushes = report.pushes
            deliveries = report.deliveries
            pushToDelivery = report.pushToDelivery
            faults = report.faults
            failed = report.connecting.failed
            lostConnections = report.connecting.lostConnections
            trouble = report.trouble
        }

        enum CodingKeys: String, CodingKey {
            case name, seconds, pushes, deliveries
            case pushToDelivery = "push_to_delivery_ms"
            case faults, failed
            case lostConnections = "lost_connections"
            case trouble
        }
    }

    /// The hub's memory at one time of the attack.
    public struct Sample: Sendable, Codable, Equatable {
        public var second: Double
        public var residentBytes: Int
        public var descriptors: Int

        enum CodingKeys: String, CodingKey {
            case second
            case residentBytes = "resident_bytes"
            case descriptors
        }
    }

    public var peers = 0
    public var phases: [Phase] = []
    /// By the kinds' names.
    public var attacks: [String: HostileTally] = [:]
    public var samples: [Sample] = []
    /// Of the second and of the last quarter of the attack; nil: too short to say, or not looked at.
    public var secondQuarterBytes: Int?
    public var lastQuarterBytes: Int?
    public var descriptorsBefore: Int?
    public var descriptorsAfter: Int?
    /// What is not as it has to be, in sentences.
    public var verdicts: [String] = []

    /// Nothing was lost, the hub lives, its memory is flat, and the devices hardly noticed.
    public var isClean: Bool { verdicts.isEmpty }

    enum CodingKeys: String, CodingKey {
        case peers, phases, attacks, samples
        case secondQuarterBytes = "second_quarter_bytes"
        case lastQuarterBytes = "last_quarter_bytes"
        case descriptorsBefore = "descriptors_before"
        case descriptorsAfter = "descriptors_after"
        case verdicts
    }
}

extension HostileReport {
    /// Judges what was measured; the sentences go into ``verdicts``.
    mutating func judge(p99Factor: Double) {
        verdicts = []
        for phase in phases {
            let faults = phase.faults
            if !faults.isClean {
                verdicts.append(
                    "\(phase.name): \(faults.lost) lost, \(faults.duplicate) twice, \(faults.outOfOrder) out of order, "
                        + "\(faults.unanswered) unanswered, \(faults.notAccepted) not accepted, "
                        + "\(faults.chainGaps + faults.strayed + faults.unreadable) not to be understood")
            }
            if phase.failed + phase.lostConnections > 0 {
                verdicts.append(
                    "\(phase.name): \(phase.failed) devices could not connect, \(phase.lostConnections) were let go: "
                        + (phase.trouble ?? "nobody knows why"))
            }
            if phase.deliveries == 0 { verdicts.append("\(phase.name): nothing was delivered") }
        }
        judgeLatency(p99Factor)
        judgeMemory()
        if let before = descriptorsBefore, let after = descriptorsAfter,
            after > before + HostileLimits.descriptorSlack
        {
            verdicts.append("the hub had \(before) descriptors open before the attack, and \(after) after it")
        }
    }

    private mutating func judgeLatency(_ factor: Double) {
        func p99(_ name: String) -> Double? { phases.first { $0.name == name }?.pushToDelivery?.p99 }
        guard let calm = p99("before"), let attacked = p99("attack") else { return }
        let bound = calm * factor + HostileLimits.p99SlackMilliseconds
        if attacked > bound {
            verdicts.append(
                "the devices' p99 rose from \(LoadReport.decimal(calm, 2)) to \(LoadReport.decimal(attacked, 2)) ms, "
                    + "over \(LoadReport.decimal(bound, 2))")
        }
    }

    /// The first quarter is left out: pools and caches fill.
    private mutating func judgeMemory() {
        guard samples.count >= 16 else { return }
        let bytes = samples.map(\.residentBytes)
        let quarter = bytes.count / 4
        let second = Self.median(bytes[quarter..<2 * quarter])
        let last = Self.median(bytes[3 * quarter..<4 * quarter])
        (secondQuarterBytes, lastQuarterBytes) = (second, last)
        if Double(last) > Double(second) * HostileLimits.memoryFactor + Double(HostileLimits.memorySlackBytes) {
            verdicts.append("the hub's memory grew from \(Self.mebibytes(second)) to \(Self.mebibytes(last))")
        }
    }

    private static func median(_ values: ArraySlice<Int>) -> Int {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    static func mebibytes(_ bytes: Int) -> String { "\(LoadReport.decimal(Double(bytes) / 1_048_576, 1)) MiB" }

    /// The report for people.
    public var text: String {
        var lines = ["\(peers) attackers of \(attacks.count) kinds"]
        for phase in phases {
            let name = phase.name + String(repeating: " ", count: max(0, 8 - phase.name.count))
            lines.append(
                "\(name)  \(LoadReport.decimal(phase.seconds, 1)) s  \(LoadReport.grouped(Double(phase.deliveries))) "
                    + "deliveries  to delivery "
                    + (phase.pushToDelivery.map {
                        "p50 \(LoadReport.decimal($0.p50, 2))  p99 \(LoadReport.decimal($0.p99, 2))  "
                            + "max \(LoadReport.decimal($0.max, 2)) ms"
                    } ?? "-")
                    + "  lost \(phase.faults.lost)  twice \(phase.faults.duplicate)  "
                    + "out of order \(phase.faults.outOfOrder)")
        }
        for kind in HostileKind.allCases {
            guard let tally = attacks[kind.rawValue] else { continue }
            let name = kind.rawValue + String(repeating: " ", count: max(0, 16 - kind.rawValue.count))
            lines.append(
                "  \(name)  \(tally.rounds) rounds  \(tally.connections) connections  \(tally.cutOff) cut off by the hub  "
                    + "\(tally.refused) not had  \(Self.mebibytes(tally.bytesSent))")
        }
        if let first = samples.first, let last = samples.last {
            lines.append(
                "memory    \(Self.mebibytes(first.residentBytes)) at first, "
                    + "\(Self.mebibytes(samples.map(\.residentBytes).max() ?? 0)) at most, "
                    + "\(Self.mebibytes(last.residentBytes)) at last"
                    + (secondQuarterBytes.map { "; second quarter \(Self.mebibytes($0))" } ?? "")
                    + (lastQuarterBytes.map { ", last \(Self.mebibytes($0))" } ?? ""))
        }
        if let descriptorsBefore, let descriptorsAfter {
            lines.append("descriptors  \(descriptorsBefore) before, \(descriptorsAfter) after")
        }
        lines.append(isClean ? "clean" : "NOT CLEAN")
        lines += verdicts.map { "  " + $0 }
        return lines.joined(separator: "\n") + "\n"
    }
}
