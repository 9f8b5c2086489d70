internal import ArgumentParser
internal import Hub
internal import Reactor

/// How a hub is watched and stopped.
struct OperationsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where to tell /metrics, /health and /ready without a key: an address that only operators reach.",
            valueName: "address:port"))
    var metricsListen: String?
    @Option(
        help: ArgumentHelp(
            "How long a stop may take: it commits what it has, answers, says bye and exits with 0.",
            valueName: "seconds"))
    var drainSeconds = HubLimits().drainSeconds

    func validate() throws {
        guard (1...3_600).contains(drainSeconds) else {
            throw ValidationError("--drain-seconds is a number from 1 to 3600.")
        }
        _ = try address()
    }

    /// Writes the options into `configuration`.
    func fill(_ configuration: inout HubConfiguration) throws {
        configuration.operationsAddress = try address()
        configuration.limits.drainSeconds = drainSeconds
    }

    private func address() throws -> SocketAddress? {
        guard let metricsListen else { return nil }
        guard let address = ListenAddress.parse(metricsListen) else {
            throw ValidationError("--metrics-listen is an address and a port like 127.0.0.1:9187.")
        }
        return address
    }
}
