internal import ArgumentParser
internal import CarillonClient
internal import Foundation
internal import Load
internal import Reactor

/// `carillon load`: what a hub can take, and whether it does it right.
struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Put a hub under load, measure it, and check that nothing is lost.",
        discussion: """
            One line to a figure: starts a hub of its own on a free port, and stops it.

              carillon load --spawn --store memory --users 50 --devices 4 --publishers 4
              carillon load --spawn --store sqlite --users 1 --devices 64 --publishers 64 --duration 10
              carillon load --spawn --store memory --users 100 --devices 200 --idle
              carillon load --spawn --tls --users 10 --devices 100
              carillon load --url http://127.0.0.1:8787 --keys keys.txt --rate 2000 --plot load.svg
              carillon load --spawn --store sqlite --users 4 --hostile --duration 600

            What the report's lines and the fields of --json mean: examples/load/README.md.

            Exits with 1 when a change was lost, doubled, out of order or unanswered, or nobody could connect. With
            --hostile also when the hub died, its memory or descriptors grew, or the devices' p99 went past its bound.
            """)

    @OptionGroup var target: LoadTarget
    @OptionGroup var shape: LoadShape
    @OptionGroup(title: "Attack") var attack: HostileOptions
    @Flag(help: "Print the report as JSON.")
    var json = false
    @Option(help: ArgumentHelp("Also draw latencies and throughput, as SVG.", valueName: "file"))
    var plot: String?

    func validate() throws {
        try shape.check()
        try attack.check()
        guard attack.hostile else { return }
        guard !target.raw, !shape.idle, plot == nil, shape.count == nil, !target.allowRemote else {
            throw ValidationError("--hostile goes without --raw, --idle, --plot, --count and --allow-remote.")
        }
    }

    func run() throws {
        Terminal.complainOfDebugBuild()
        // Before a hub is started: it inherits the limit.
        let connections = max(shape.users ?? 1, target.key.count) * shape.devices
        DescriptorLimit.raise(to: DescriptorLimit.needed(connections: connections))
        let hub = try target.open(users: shape.users)
        defer { hub.close() }
        var plan = LoadPlan(address: hub.address, keys: hub.keys)
        shape.fill(&plan)
        plan.isRaw = target.raw
        plan.hubPID = hub.pid
        plan.tls = hub.tls
        let isTerminal = Terminal.errorIsTerminal
        let progress: (String) -> Void = { line in if isTerminal { Terminal.complain(line) } }
        let isStopped = Guarded(false)
        let signals = StopSignals { isStopped.withLock { $0 = true } }
        defer { withExtendedLifetime(signals) {} }
        if attack.hostile {
            var run = HostileRun(attack.plan(plan))
            run.progress = progress
            run.isStopped = { isStopped.withLock { $0 } }
            let report = try Self.told { try run.run() }
            try Output.write(json ? try Self.json(report) : report.text)
            guard report.isClean else { throw CommandFailure(.notAccepted, "The run was not clean: see the report.") }
            return
        }
        var run = LoadRun(plan)
        run.progress = progress
        run.isStopped = { isStopped.withLock { $0 } }
        let report = try Self.told { try run.run() }
        try Output.write(json ? try Self.json(report) : report.text)
        if let plot {
            do {
                try Data(report.svg.utf8).write(to: URL(filePath: plot))
            } catch {
                throw CommandFailure(.inputOutput, "Cannot write \(plot).", remedy: "Name another file with --plot.")
            }
        }
        guard report.isClean else { throw CommandFailure(.notAccepted, "The run was not clean: see the report.") }
    }

    /// A run that could not begin, as the command tells it.
    private static func told<Report>(_ run: () throws -> Report) throws -> Report {
        do {
            return try run()
        } catch let failure as LoadRun.Failure {
            throw CommandFailure(
                .notAccepted, failure.sentence + (failure.sentence.hasSuffix(".") ? "" : "."), remedy: failure.remedy)
        }
    }

    private static func json(_ report: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
    }
}
