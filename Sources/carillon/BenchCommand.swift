internal import ArgumentParser
internal import Bench
internal import Foundation
internal import Hub

/// `carillon bench`: the parts by themselves, in this process.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure the parts: codec, scanner, frames, resolver, stores.",
        discussion: """
            Each is warmed up and sampled; the table has the median and the range from p10 to p90 of the samples.

              carillon bench
              carillon bench --filter json --filter codec
              carillon bench --filter postgres --store postgres://...
              carillon bench --json > before.json
              carillon bench compare before.json after.json
            """,
        subcommands: [Run.self, Compare.self], defaultSubcommand: Run.self)

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Measure and print a table (the default).")

        @Option(help: ArgumentHelp("Only those whose name holds this; may be given again.", valueName: "text"))
        var filter: [String] = []
        @Option(help: "Samples of each.")
        var samples = 15
        @Option(help: ArgumentHelp("At least how long a sample takes.", valueName: "ms"))
        var sampleMilliseconds = 30
        @Flag(help: "Samples are CPU time, not wall time: steadier where other work runs, blind to waiting for a disk.")
        var cpu = false
        @Flag(help: "Print the results, samples and all, as JSON.")
        var json = false
        @Flag(help: "Only list the names.")
        var list = false
        @Option(
            help: ArgumentHelp(
                "Also a Postgres, in schemas of their own that go at the end: postgres (the PG* variables) or a "
                    + "postgres:// URL. Else CARILLON_STORE, where it names one.",
                valueName: "store"))
        var store: String?

        func validate() throws {
            if store != nil {
                guard try postgres() != nil else {
                    throw ValidationError("--store is postgres (the PG* variables) or a postgres:// URL.")
                }
            }
            guard (1...1_000).contains(samples) else {
                throw ValidationError("--samples is a number from 1 to 1000.")
            }
            guard (1...10_000).contains(sampleMilliseconds) else {
                throw ValidationError("--sample-milliseconds is a number from 1 to 10000.")
            }
        }

        /// The Postgres that is named, nil where none is.
        private func postgres() throws -> String? {
            guard let text = store ?? Environment.value("CARILLON_STORE") else { return nil }
            let source = store == nil ? "CARILLON_STORE" : "--store"
            guard case .postgres(let conninfo) = try StoreChoice.parse(text, source, data: DataFolder()) else {
                return nil
            }
            return conninfo
        }

        func run() throws {
            var plan = BenchPlan()
            plan.samples = samples
            plan.sampleSeconds = Double(sampleMilliseconds) / 1_000
            plan.filters = filter
            plan.byCPUTime = cpu
            let all = try Benchmark.all + (postgres().map { Benchmark.postgres(conninfo: $0) } ?? [])
            let chosen = all.filter { plan.includes($0.name) }
            guard !chosen.isEmpty else {
                throw CommandFailure(
                    .usage, "No benchmark's name holds that.", remedy: "See `carillon bench --list`.")
            }
            if !list { Terminal.complainOfDebugBuild() }
            if list { return try Output.write(chosen.map { $0.name + "\n" }.joined()) }
            if !json { try Output.write(BenchResult.heading + "\n") }
            var report = BenchReport(
                version: Hub.version, machine: BenchCommand.machine, clock: cpu ? "cpu" : "wall", results: [])
            for benchmark in chosen {
                if json, Terminal.errorIsTerminal { Terminal.complain(benchmark.name) }
                let result = try benchmark.run(plan)
                report.results.append(result)
                if !json { try Output.write(result.line + "\n") }
            }
            guard json else { return }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try Output.write(String(decoding: try encoder.encode(report), as: UTF8.self) + "\n")
        }
    }

    struct Compare: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare two results; exits with 1 when something became slower.",
            discussion: """
                A difference counts when it is over the threshold and the ranges from p10 to p90 do not touch.

                  carillon bench compare before.json after.json --threshold 0.1
                """)

        @Argument(help: "The JSON of `carillon bench --json` from before.")
        var before: String
        @Argument(help: "The one from after.")
        var after: String
        @Option(help: ArgumentHelp("The part from which a difference counts.", valueName: "part"))
        var threshold = 0.05

        func validate() throws {
            guard (0...10).contains(threshold) else { throw ValidationError("--threshold is a part, 0.05 for 5 %.") }
        }

        func run() throws {
            let comparison = BenchComparison(try read(before), try read(after), threshold: threshold)
            try Output.write(comparison.text)
            guard !comparison.hasRegression else {
                throw CommandFailure(.notAccepted, "Something became slower by more than \(threshold * 100) %.")
            }
        }

        private func read(_ path: String) throws -> BenchReport {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw CommandFailure(.inputOutput, "Cannot read \(path).")
            }
            do {
                return try JSONDecoder().decode(BenchReport.self, from: data)
            } catch {
                throw CommandFailure(
                    .badInput, "\(path) is no result of a benchmark.", remedy: "Make one: carillon bench --json")
            }
        }
    }

    /// The processor's name and count.
    private static var machine: String {
        let table = FileManager.default.contents(atPath: "/proc/cpuinfo").map { String(decoding: $0, as: UTF8.self) }
        let line = table?.split(separator: "\n").first { $0.hasPrefix("model name") }
        let model = line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
        return "\(model) x \(ProcessInfo.processInfo.activeProcessorCount)"
    }
}
