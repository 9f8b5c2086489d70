/// One diagram with axes: lines through points in its own units.
struct Plot {
    struct Line {
        var name: String
        var color: String
        /// SVG's stroke-dasharray, so that lines differ without colours too.
        var dash = ""
        var points: [(x: Double, y: Double)]
    }

    struct Tick {
        var at: Double
        var label: String
    }

    var title: String
    var xName: String
    var yName: String
    var xRange: ClosedRange<Double>
    var yRange: ClosedRange<Double>
    var xTicks: [Tick]
    var yTicks: [Tick]
    var lines: [Line]

    /// Readable on white and on black: 4.5 to 1 on either.
    static let ink = "#777"
    static let blue = "#3b86d0"
    static let orange = "#d8802a"

    static let width = 880.0
    static let height = 330.0
    private static let left = 84.0
    private static let right = 20.0
    private static let top = 44.0
    private static let bottom = 46.0

    /// The diagram as an SVG group, `offset` from the top.
    func svg(offset: Double) -> String {
        var text = "<g transform=\"translate(0 \(Self.number(offset)))\">\n"
        text += Self.label(title, x: Self.left, y: 20, anchor: "start", extra: " font-weight=\"600\"")
        text += grid() + legend()
        for line in lines where !line.points.isEmpty { text += path(line) }
        let middle = (Self.left + Self.width - Self.right) / 2
        text += Self.label(xName, x: middle, y: Self.height - 8, anchor: "middle")
        text += Self.label(yName, x: Self.width - Self.right, y: 20, anchor: "end")
        return text + "</g>\n"
    }

    private func x(_ value: Double) -> Double {
        let part = (value - xRange.lowerBound) / max(xRange.upperBound - xRange.lowerBound, 1e-12)
        return Self.left + min(max(part, 0), 1) * (Self.width - Self.left - Self.right)
    }

    private func y(_ value: Double) -> Double {
        let part = (value - yRange.lowerBound) / max(yRange.upperBound - yRange.lowerBound, 1e-12)
        return Self.height - Self.bottom - min(max(part, 0), 1) * (Self.height - Self.top - Self.bottom)
    }

    private func grid() -> String {
        var text = ""
        for tick in xTicks {
            let place = Self.number(x(tick.at))
            text += "<path d=\"M\(place) \(Self.number(Self.top))V\(Self.number(Self.height - Self.bottom))\" "
            text += "stroke=\"\(Self.ink)\" stroke-opacity=\".25\"/>\n"
            text += Self.label(tick.label, x: x(tick.at), y: Self.height - Self.bottom + 16, anchor: "middle")
        }
        for tick in yTicks {
            let place = Self.number(y(tick.at))
            text += "<path d=\"M\(Self.number(Self.left)) \(place)H\(Self.number(Self.width - Self.right))\" "
            text += "stroke=\"\(Self.ink)\" stroke-opacity=\".25\"/>\n"
            text += Self.label(tick.label, x: Self.left - 8, y: y(tick.at) + 4, anchor: "end")
        }
        return text
    }

    private func legend() -> String {
        var text = ""
        var place = Self.left
        for line in lines {
            text += "<path d=\"M\(Self.number(place)) 33h24\" stroke=\"\(line.color)\" stroke-width=\"2\""
            text += Self.dash(line) + "/>\n" + Self.label(line.name, x: place + 30, y: 37, anchor: "start")
            place += 60 + 7 * Double(line.name.count)
        }
        return text
    }

    private func path(_ line: Line) -> String {
        var text = "<path fill=\"none\" stroke=\"\(line.color)\" stroke-width=\"2\"\(Self.dash(line)) d=\""
        for (index, point) in line.points.enumerated() {
            text += "\(index == 0 ? "M" : "L")\(Self.number(x(point.x))) \(Self.number(y(point.y)))"
        }
        return text + "\"/>\n"
    }

    private static func dash(_ line: Line) -> String {
        line.dash.isEmpty ? "" : " stroke-dasharray=\"\(line.dash)\""
    }

    static func label(_ text: String, x: Double, y: Double, anchor: String, extra: String = "") -> String {
        let safe = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        return "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\"\(extra)>\(safe)</text>\n"
    }

    private static func number(_ value: Double) -> String { LoadReport.decimal(value, 1) }
}
