internal import CarillonClient
internal import Foundation
internal import Wire

/// What a push shows while it runs and at its end.
final class PushReport {
    private let isJSON: Bool
    private let sizeOfInput: Int?
    private let hasBar = Terminal.errorIsTerminal
    private var barShownAt = Date.distantPast
    private var isBarShown = false
    private let startedAt = Date()
    /// Conflicts that are as they should be: siblings of an import that are siblings again. Nil for a push.
    var siblingCount: Int?

    init(isJSON: Bool, sizeOfInput: Int?) {
        self.isJSON = isJSON
        self.sizeOfInput = sizeOfInput
    }

    func tell(_ trouble: PushTrouble) {
        if isJSON {
            var line: [UInt8] = Array("{\"type\":\"item\",\"line\":\(trouble.line)".utf8)
            let fields = [
                ("kind", trouble.kind), ("id", trouble.id), ("verdict", trouble.verdict.rawValue),
                ("code", trouble.code), ("message", trouble.message),
            ]
            for case (let name, let value?) in fields {
                line += Array(",\"\(name)\":".utf8)
                JSONText.append(value, into: &line)
            }
            try? Output.write(line + Array("}\n".utf8))
            return
        }
        clearBar()
        let name = [trouble.kind, trouble.id].compactMap { $0 }.joined(separator: "/")
        let what = name.isEmpty ? "" : " \(name)"
        Terminal.complain("line \(trouble.line):\(what) \(trouble.verdict) [\(trouble.code)]: \(trouble.message)")
    }

    func lost(_ error: ClientError, _ seconds: Double?) {
        clearBar()
        let when = seconds.map { String(format: " Trying again in %.1f s.", $0) } ?? ""
        Terminal.complain(error.sentence + when)
    }

    /// At most ten times a second.
    func progress(_ tally: PushTally, bytes: Int) {
        guard hasBar, Date().timeIntervalSince(barShownAt) > 0.1 else { return }
        barShownAt = Date()
        isBarShown = true
        var bar = ""
        if let sizeOfInput, sizeOfInput > 0 {
            let share = min(1, Double(bytes) / Double(sizeOfInput))
            let full = Int(share * 30)
            bar = "[" + String(repeating: "=", count: full) + String(repeating: " ", count: 30 - full) + "] "
            bar += "\(Int(share * 100)) %  "
        }
        let rate = Int(Double(tally.total) / max(0.1, Date().timeIntervalSince(startedAt)))
        Terminal.write(toError: "\r\u{1b}[K\(bar)\(tally.total) changes, \(rate) a second")
    }

    func finish(_ pusher: Pusher) {
        clearBar()
        let tally = pusher.tally
        let counts = [
            ("accepted", tally.accepted), ("duplicate", tally.duplicate), ("stale", tally.stale),
            ("conflict", tally.conflict - (siblingCount ?? 0)), ("rejected", tally.rejected),
        ]
        if isJSON {
            var line = "{\"type\":\"summary\",\"total\":\(tally.total)"
            for (name, count) in counts { line += ",\"\(name)\":\(count)" }
            if let siblingCount { line += ",\"siblings\":\(siblingCount)" }
            line += ",\"unanswered\":\(pusher.unanswered)"
            if let position = tally.position { line += ",\"position\":\(position)" }
            try? Output.write(line + "}\n")
            return
        }
        var parts = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        if let siblingCount, siblingCount > 0 { parts.append("\(siblingCount) kept as siblings") }
        let told = parts.joined(separator: ", ")
        if tally.total == 0, pusher.failure != nil { return }
        Terminal.complain(
            "\(tally.total) \(tally.total == 1 ? "change" : "changes")\(told.isEmpty ? "" : ": \(told)").")
    }

    private func clearBar() {
        guard isBarShown else { return }
        isBarShown = false
        Terminal.write(toError: "\r\u{1b}[K")
    }
}
