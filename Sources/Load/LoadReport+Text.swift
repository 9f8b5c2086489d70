extension LoadReport {
    /// The report for people.
    public var text: String {
        var lines: [String] = []
        lines.append(
            "\(setting.users) users x \(setting.devices) devices, \(setting.publishers) publishers each, "
                + "\(setting.changesPerPush) x \(setting.bodyBytes) bytes a push, \(setting.mode)")
        lines.append(
            "connected     \(connecting.connected) in \(Self.decimal(connecting.seconds, 2)) s"
                + (connecting.failed > 0 ? ", \(connecting.failed) FAILED" : "")
                + (connecting.lostConnections > 0 ? ", \(connecting.lostConnections) ended by the hub" : "")
                + (connecting.churned > 0 ? ", \(connecting.churned) left and came back" : ""))
        if let latency = connecting.milliseconds { lines.append("  to live     \(Self.row(latency))") }
        if let latency = connecting.againMilliseconds { lines.append("  again       \(Self.row(latency))") }
        lines.append("measured      \(Self.decimal(seconds, 2)) s")
        if pushes > 0 {
            lines.append(
                "pushes        \(Self.grouped(pushesPerSecond))/s, changes \(Self.grouped(changesPerSecond))/s")
            lines.append(
                "deliveries    \(Self.grouped(deliveriesPerSecond))/s, in \(Self.grouped(Double(deliveryFrames))) frames"
            )
        }
        if let pushToCommit { lines.append("to commit     \(Self.row(pushToCommit))") }
        if let pushToDelivery { lines.append("to delivery   \(Self.row(pushToDelivery))") }
        lines.append(faultLine)
        if pushesOwed > 0 { lines.append("behind        \(pushesOwed) pushes were due and not sent") }
        if superseded > 0 {
            lines.append("superseded    \(superseded) versions had a later one before a device could read them")
        }
        if pushesResent > 0 { lines.append("sent again    \(pushesResent) pushes") }
        if let hub { lines += Self.lines(of: hub) }
        lines.append("load's CPU    \(Self.decimal(loadCPUSeconds, 2)) s")
        if let summary { lines.append(summary) }
        if let trouble { lines.append("last trouble  \(trouble)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What runs are compared by.
    private var summary: String? {
        guard let hub else { return nil }
        var parts = ["hub \(Self.decimal(hub.userSeconds + hub.systemSeconds, 2)) CPU s"]
        if let figure = hub.deliveriesPerCPUSecond { parts.append("\(Self.grouped(figure)) deliveries/CPU s") }
        if let figure = hub.residentBytesPerConnection { parts.append("\(Self.grouped(figure)) B/connection") }
        return "summary       " + parts.joined(separator: ", ")
    }

    private var faultLine: String {
        "lost \(faults.lost), duplicate \(faults.duplicate), out of order \(faults.outOfOrder), "
            + "gaps \(faults.chainGaps), strayed \(faults.strayed),\n  unreadable \(faults.unreadable), "
            + "not accepted \(faults.notAccepted), unanswered \(faults.unanswered)"
    }

    private static func lines(of hub: Hub) -> [String] {
        var lines = [
            "hub's CPU     \(decimal(hub.userSeconds, 2)) s user, \(decimal(hub.systemSeconds, 2)) s system"
        ]
        if let figure = hub.deliveriesPerCPUSecond { lines.append("  deliveries  \(grouped(figure)) a CPU second") }
        if let figure = hub.changesPerCPUSecond { lines.append("  changes     \(grouped(figure)) a CPU second") }
        var memory = "hub's memory  \(decimal(Double(hub.residentBytes) / 1_048_576, 1)) MiB"
        if let figure = hub.residentBytesPerConnection { memory += ", \(grouped(figure)) bytes a connection" }
        lines.append(memory)
        return lines
    }

    private static func row(_ latency: Latency) -> String {
        "p50 \(decimal(latency.p50, 3))  p90 \(decimal(latency.p90, 3))  p99 \(decimal(latency.p99, 3))  "
            + "p99.9 \(decimal(latency.p999, 3))  max \(decimal(latency.max, 3)) ms"
    }

    static func decimal(_ value: Double, _ places: Int) -> String {
        var factor = 1
        for _ in 0..<places { factor *= 10 }
        let scaled = Int((value * Double(factor)).rounded())
        guard places > 0 else { return String(scaled) }
        let fraction = String(scaled.magnitude % factor.magnitude)
        let zeros = String(repeating: "0", count: places - fraction.count)
        return (scaled < 0 ? "-" : "") + "\(scaled.magnitude / factor.magnitude).\(zeros)\(fraction)"
    }

    /// A whole number with a comma before each three digits.
    static func grouped(_ value: Double) -> String {
        let digits = Array(String(Int(value.rounded()).magnitude))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return value <= -0.5 ? "-" + text : text
    }
}
