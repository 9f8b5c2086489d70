import Foundation
import Histogram
import Testing

@testable import Load

@Suite("Load report")
struct LoadReportTests {
    private var report: LoadReport {
        var report = LoadReport()
        report.connecting.connected = 4
        var histogram = LoadTally.latencies
        for microseconds in 1...10_000 as ClosedRange<UInt64> { histogram.record(microseconds * 1_000) }
        report.pushToCommit = LoadReport.Latency(histogram)
        report.course = (0..<20).map {
            LoadReport.Step(second: Double($0), changesPerSecond: 1_000, deliveriesPerSecond: 3_000)
        }
        return report
    }

    @Test("percentiles are those of what was recorded, to three digits")
    func percentiles() throws {
        let latency = try #require(report.pushToCommit)
        #expect(latency.count == 10_000)
        for (found, wanted) in [(latency.p50, 5.0), (latency.p90, 9.0), (latency.p99, 9.9), (latency.max, 10.0)] {
            #expect(abs(found - wanted) / wanted < 0.002, "\(found) for \(wanted)")
        }
        #expect(LoadReport.Latency(LoadTally.latencies) == nil)
    }

    @Test("any fault, a failed connection, or nobody connected makes a run unclean")
    func clean() {
        #expect(report.isClean)
        for fault in [
            \LoadFaults.lost, \.duplicate, \.outOfOrder, \.chainGaps, \.strayed, \.unreadable, \.notAccepted,
            \.unanswered,
        ] {
            var unclean = report
            unclean.faults[keyPath: fault] = 1
            #expect(!unclean.isClean)
        }
        var failed = report
        failed.connecting.failed = 1
        #expect(!failed.isClean)
        #expect(!LoadReport().isClean)
    }

    @Test("the JSON form reads back")
    func json() throws {
        let bytes = try JSONEncoder().encode(report)
        let read = try JSONDecoder().decode(LoadReport.self, from: bytes)
        #expect(read.pushToCommit == report.pushToCommit)
        #expect(String(decoding: bytes, as: UTF8.self).contains("\"out_of_order\":0"))
    }

    @Test("the picture is well-formed XML with both lines' names")
    func picture() throws {
        let svg = report.svg
        #expect(svg.hasPrefix("<svg "))
        #expect(svg.components(separatedBy: "<g ").count == svg.components(separatedBy: "</g>").count)
        #expect(svg.contains(">push to commit</text>"))
        #expect(svg.contains(">deliveries</text>"))
        #expect(!svg.contains("nan") && !svg.contains("inf"))
        #expect(LoadReport().svg.hasSuffix("</svg>\n"))
    }

    @Test("numbers are written as people read them")
    func numbers() {
        #expect(LoadReport.grouped(1_234_567.4) == "1,234,567")
        #expect(LoadReport.grouped(999) == "999")
        #expect(LoadReport.decimal(0.0456, 3) == "0.046")
        #expect(LoadReport.decimal(-1.5, 1) == "-1.5")
        #expect(LoadReport.step(0.3) == 0.5)
        #expect(LoadReport.step(2_100) == 5_000)
    }
}
