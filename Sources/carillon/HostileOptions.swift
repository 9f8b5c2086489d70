internal import ArgumentParser
internal import Load

/// Attackers beside a load.
struct HostileOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Attack the hub in every way we know for --duration seconds, beside well-behaved devices, with a calm phase "
                + "before and after. Only on this machine."))
    var hostile = false
    @Option(help: ArgumentHelp("With --hostile: attackers at once, up to 512.", valueName: "n"))
    var hostilePeers = 64
    @Option(
        help: ArgumentHelp(
            "With --hostile: only this attack; again, for another. "
                + HostileKind.allCases.map(\.rawValue).joined(separator: ", ") + ".",
            valueName: "kind"))
    var hostileKind: [String] = []
    @Option(help: ArgumentHelp("With --hostile: seconds of each calm phase.", valueName: "seconds"))
    var calm = 10.0
    @Option(
        help: ArgumentHelp(
            "With --hostile: how many times the calm p99 the attacked one may be (and 10 ms on top).",
            valueName: "factor"))
    var p99Factor = 3.0

    func check() throws {
        guard (1...HostileLimits.peersMax).contains(hostilePeers) else {
            throw ValidationError("--hostile-peers is a number from 1 to \(HostileLimits.peersMax).")
        }
        for kind in hostileKind where HostileKind(rawValue: kind) == nil {
            throw ValidationError("--hostile-kind is none of ours: \(kind).")
        }
        guard calm > 0, calm <= 3_600 else { throw ValidationError("--calm is a number of seconds over 0.") }
        guard p99Factor >= 1, p99Factor <= 1_000 else { throw ValidationError("--p99-factor is from 1 to 1000.") }
    }

    func plan(_ load: LoadPlan) -> HostilePlan {
        var load = load
        // Devices as they are, and not a load that takes every core: what the attack costs them is to be seen.
        if load.pushesPerSecond == nil { load.pushesPerSecond = 200 }
        // The hub's memory is to be flat, and with new records for ever that of the memory store is not.
        if load.recordsPerPublisher == 0 { load.recordsPerPublisher = 100 }
        var plan = HostilePlan(load)
        plan.peers = hostilePeers
        if !hostileKind.isEmpty { plan.kinds = hostileKind.compactMap(HostileKind.init(rawValue:)) }
        plan.calmSeconds = calm
        plan.p99Factor = p99Factor
        return plan
    }
}
