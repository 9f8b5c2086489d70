internal import CarillonClient
internal import Foundation

/// What `carillon doctor` finds, one check after the other.
struct Checkup {
    enum Verdict: String {
        case ok
        case warn
        case fail
    }

    struct Finding {
        let check: String
        let verdict: Verdict
        let sentence: String
        /// What to do next.
        let remedy: String?
    }

    private(set) var findings: [Finding] = []

    var isFailed: Bool { findings.contains { $0.verdict == .fail } }

    mutating func note(_ check: String, _ verdict: Verdict, _ sentence: String, remedy: String? = nil) {
        findings.append(Finding(check: check, verdict: verdict, sentence: sentence, remedy: remedy))
    }

    var text: String {
        let width = findings.map(\.check.count).max() ?? 0
        var text = ""
        for finding in findings {
            let name = finding.check + String(repeating: " ", count: width - finding.check.count)
            let mark = finding.verdict.rawValue + (finding.verdict == .ok ? "  " : "")
            text += OneLine.clean("\(mark)  \(name)  \(finding.sentence)") + "\n"
            if let remedy = finding.remedy {
                text += OneLine.clean(String(repeating: " ", count: width + 8) + "-> " + remedy) + "\n"
            }
        }
        return text
    }

    var json: [UInt8] {
        var out: [UInt8] = []
        for finding in findings {
            out += Array(
                "{\"check\":\"\(finding.check)\",\"verdict\":\"\(finding.verdict.rawValue)\",\"sentence\":".utf8)
            JSONText.append(finding.sentence, into: &out)
            if let remedy = finding.remedy {
                out += Array(",\"remedy\":".utf8)
                JSONText.append(remedy, into: &out)
            }
            out += Array("}\n".utf8)
        }
        return out
    }
}
