internal import Foundation

/// The report as a picture: latency by percentile, and the course of the run.
extension LoadReport {
    /// An SVG document. Nothing in it depends on a light or dark page.
    public var svg: String {
        let plots = [latencyPlot, coursePlot].compactMap { $0 }
        let height = Plot.height * Double(max(1, plots.count)) + 24
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Plot.width)) \(Int(height))" \
            font-family="system-ui, sans-serif" font-size="12" fill="\(Plot.ink)">

            """
        for (index, plot) in plots.enumerated() { text += plot.svg(offset: Plot.height * Double(index)) }
        text += Plot.label(caption, x: Plot.width / 2, y: height - 8, anchor: "middle")
        return text + "</svg>\n"
    }

    private var caption: String {
        "\(setting.users) x \(setting.devices) devices, \(setting.publishers) publishers each, "
            + "\(setting.changesPerPush) x \(setting.bodyBytes) bytes a push, \(setting.mode); lost \(faults.lost), "
            + "duplicate \(faults.duplicate), out of order \(faults.outOfOrder)"
    }

    /// Percentiles as people read tails: each nine takes the same room. Milliseconds on a logarithmic scale.
    private var latencyPlot: Plot? {
        let named = [
            ("push to commit", Plot.blue, "", pushToCommit), ("push to delivery", Plot.orange, "6 3", pushToDelivery),
        ]
        let lines = named.compactMap { name, color, dash, latency in
            latency.map { latency in
                Plot.Line(
                    name: name, color: color, dash: dash,
                    points: latency.curve.filter { $0.count == 2 && $0[1] > 0 && $0[0] < 100 }
                        .map { (Self.nines($0[0]), log10($0[1])) })
            }
        }
        let points = lines.flatMap(\.points)
        guard let low = points.map(\.y).min(), let high = points.map(\.y).max() else { return nil }
        let from = low.rounded(.down)
        let to = max(high.rounded(.up), from + 1)
        let end = max(2, points.map(\.x).max() ?? 2)
        let marks = [0.0, 50, 90, 99, 99.9, 99.99, 99.999].filter { Self.nines($0) <= end + 0.01 }
        return Plot(
            title: "Latency by percentile", xName: "percent of pushes and deliveries that took at most as long",
            yName: "milliseconds", xRange: 0...end, yRange: from...to,
            xTicks: marks.map { Plot.Tick(at: Self.nines($0), label: $0 == $0.rounded() ? "\(Int($0))" : "\($0)") },
            yTicks: stride(from: from, through: to, by: 1).map { Plot.Tick(at: $0, label: Self.power($0)) },
            lines: lines)
    }

    private var coursePlot: Plot? {
        guard let first = course.first, let last = course.last, course.count > 1 else { return nil }
        let deliveries = Plot.Line(
            name: "deliveries", color: Plot.orange, dash: "6 3",
            points: course.map { ($0.second, $0.deliveriesPerSecond) })
        let changes = Plot.Line(
            name: "changes", color: Plot.blue, points: course.map { ($0.second, $0.changesPerSecond) })
        let high = (deliveries.points + changes.points).map(\.y).max() ?? 0
        let step = Self.step(max(high, 1) / 4)
        let top = (max(high, 1) / step).rounded(.up) * step
        let xStep = Self.step(max(last.second - first.second, 0.1) / 8)
        let xStart = (first.second / xStep).rounded(.up) * xStep
        return Plot(
            title: "Throughput", xName: "seconds; what is before 0 is warm-up", yName: "a second",
            xRange: first.second...last.second, yRange: 0...top,
            xTicks: stride(from: xStart, through: last.second, by: xStep).map {
                Plot.Tick(at: $0, label: LoadReport.decimal($0, xStep < 1 ? 1 : 0))
            },
            yTicks: stride(from: 0, through: top, by: step).map { Plot.Tick(at: $0, label: LoadReport.grouped($0)) },
            lines: [changes, deliveries])
    }

    private static func nines(_ percentile: Double) -> Double { -log10(max(1 - percentile / 100, 1e-9)) }

    private static func power(_ exponent: Double) -> String {
        let value = pow(10, exponent)
        return value >= 1 ? LoadReport.grouped(value) : LoadReport.decimal(value, Int(-exponent))
    }

    /// The next of 1, 2, 5, 10, 20 and so on.
    static func step(_ least: Double) -> Double {
        let base = pow(10, log10(least).rounded(.down))
        return [1, 2, 5, 10].map { $0 * base }.first { $0 >= least * 0.999 } ?? base * 10
    }
}
