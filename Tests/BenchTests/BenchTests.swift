import Foundation
import Testing

@testable import Bench

@Suite("Benchmarks")
struct BenchTests {
    @Test("each benchmark has a name of its own and does its work once", arguments: Benchmark.all.map(\.name))
    func once(name: String) throws {
        let found = Benchmark.all.filter { $0.name == name }
        #expect(found.count == 1)
        let benchmark = try #require(found.first)
        let work = try benchmark.prepare()
        // What it returns depends on what it did: two operations do more than none.
        _ = try work(2)
        #expect(benchmark.amount > 0)
        #expect(name.contains("/"))
    }

    @Test("a run takes as many samples as asked, and tells them in its unit")
    func run() throws {
        var plan = BenchPlan()
        plan.samples = 5
        plan.sampleSeconds = 0.001
        plan.warmupSeconds = 0
        let benchmark = Benchmark("test/spin", .gigabytes, amount: 1_000) {
            { operations in (0..<operations * 100).reduce(0, ^) }
        }
        let result = try benchmark.run(plan)
        #expect(result.samples.count == 5)
        #expect(result.operations > 1)
        #expect(result.p10 <= result.median && result.median <= result.p90)
        #expect(result.cpuNanoseconds > 0)
        #expect(benchmark.value(nanoseconds: 500) == 2)
        #expect(Benchmark("a", .rows, amount: 10) { { _ in 0 } }.value(nanoseconds: 1e9) == 10)
    }

    @Test("quantiles lie between the nearest samples")
    func quantiles() {
        #expect(Quantile.of([1, 2, 3, 4, 5], 0.5) == 3)
        #expect(Quantile.of([1, 2], 0.5) == 1.5)
        #expect(abs(Quantile.of([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100], 0.9) - 90) < 1e-9)
        #expect(Quantile.of([7], 0.1) == 7)
        #expect(Quantile.of([], 0.5) == 0)
    }

    @Test("a filter takes what holds one of its texts")
    func filters() {
        var plan = BenchPlan()
        #expect(plan.includes("json/validate"))
        plan.filters = ["mask", "json"]
        #expect(plan.includes("json/validate") && plan.includes("websocket/mask-128"))
        #expect(!plan.includes("store/memory-page"))
    }

    @Test("numbers have four digits and no exponent")
    func numbers() {
        #expect(Columns.number(1_234_567.8) == "1,234,568")
        #expect(Columns.number(123.45) == "123.5")
        #expect(Columns.number(12.345) == "12.35" || Columns.number(12.345) == "12.34")
        #expect(Columns.number(0.98765) == "0.9877")
        #expect(Columns.number(0) == "0.0000")
    }
}

@Suite("Benchmark comparison")
struct BenchComparisonTests {
    private func result(_ name: String, _ unit: Benchmark.Unit, _ samples: [Double]) -> BenchResult {
        BenchResult(name: name, unit: unit, samples: samples, cpuNanoseconds: 1, operations: 1)
    }

    private func compare(
        _ before: [BenchResult], _ after: [BenchResult], threshold: Double = 0.05
    ) -> BenchComparison {
        BenchComparison(
            BenchReport(version: "1", machine: "m", clock: "wall", results: before),
            BenchReport(version: "2", machine: "m", clock: "wall", results: after), threshold: threshold)
    }

    @Test("less time is faster, and more throughput is faster")
    func directions() {
        let comparison = compare(
            [result("time", .nanoseconds, [100, 101, 102]), result("rate", .gigabytes, [1.0, 1.01, 1.02])],
            [result("time", .nanoseconds, [50, 51, 52]), result("rate", .gigabytes, [0.5, 0.51, 0.52])])
        #expect(comparison.rows.map(\.verdict) == [.faster, .slower])
        #expect(comparison.hasRegression)
        #expect(abs((comparison.rows[0].speed ?? 0) - 101.0 / 51) < 1e-9)
    }

    @Test("a difference within the samples' spread or the threshold is none")
    func noise() {
        let wide = [80.0, 90, 100, 110, 120]
        #expect(
            !compare([result("a", .nanoseconds, wide)], [result("a", .nanoseconds, wide.map { $0 * 1.2 })])
                .hasRegression)
        let tight = [100.0, 100.1, 100.2]
        let slower = tight.map { $0 * 1.04 }
        #expect(!compare([result("a", .nanoseconds, tight)], [result("a", .nanoseconds, slower)]).hasRegression)
        #expect(
            compare([result("a", .nanoseconds, tight)], [result("a", .nanoseconds, slower)], threshold: 0.02)
                .hasRegression)
    }

    @Test("what is in one report only is named, and is no regression")
    func addedAndRemoved() {
        let comparison = compare([result("old", .rows, [1])], [result("new", .rows, [1])])
        #expect(comparison.rows.map(\.verdict) == [.removed, .added])
        #expect(!comparison.hasRegression)
        #expect(comparison.text.contains("old") && comparison.text.contains("added"))
    }

    @Test("results read back from their JSON")
    func json() throws {
        let report = BenchReport(version: "1", machine: "m", clock: "wall", results: [result("a", .rows, [1, 2, 3])])
        let read = try JSONDecoder().decode(BenchReport.self, from: try JSONEncoder().encode(report))
        #expect(read.results == report.results)
    }
}
