internal import ArgumentParser
internal import Foundation

/// How a hub works with its store and with other hubs on it.
struct ServiceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long a push waits for a store that is away before it is refused, to be sent again.",
            valueName: "seconds"))
    var storeWait = 5
    @Option(
        help: ArgumentHelp(
            "With Postgres: a read replica that serves pulls and exports, a postgres:// URL. Else CARILLON_READ_STORE.",
            valueName: "url"))
    var readStore: String?
    @Option(
        help: ArgumentHelp(
            "With Postgres: how hubs tell each other of commits: postgres (LISTEN and NOTIFY, the default), a nats:// "
                + "URL, or none, where only the poll finds them. Else CARILLON_BUS, which does not show in the list of "
                + "processes.",
            valueName: "bus"))
    var bus: String?
    @Option(
        help: ArgumentHelp("With Postgres: how often to look for what no other hub told of.", valueName: "ms"))
    var pollMs = 800

    /// A day: whoever waits longer should be refused.
    private static let storeWaitSecondsMax = 86_400

    func validate() throws {
        guard (0...ServiceOptions.storeWaitSecondsMax).contains(storeWait) else {
            throw ValidationError("--store-wait is a number of seconds from 0 to 86400.")
        }
        guard (50...60_000).contains(pollMs) else {
            throw ValidationError("--poll-ms is a number from 50 to 60000.")
        }
        if let replica {
            guard StoreChoice.schemes.contains(where: { replica.hasPrefix($0) }) else {
                throw ValidationError("--read-store is a postgres:// URL.")
            }
        }
        _ = try parsedBus()
    }

    /// - Throws: a `ValidationError` where an option needs another store than `store`.
    func plan(for store: StoreChoice) throws -> ServicePlan {
        var plan = ServicePlan(storeWaitSeconds: storeWait, pollMilliseconds: pollMs)
        guard case .postgres = store else {
            for (name, isGiven) in [("--read-store", readStore != nil), ("--bus", bus.map { $0 != "none" } ?? false)]
            where isGiven {
                throw ValidationError("\(name) goes with --store postgres.")
            }
            return plan
        }
        plan.isShared = true
        plan.readStore = replica
        plan.bus = try parsedBus() ?? .postgres
        return plan
    }

    private var replica: String? { readStore ?? Environment.value("CARILLON_READ_STORE") }

    private func parsedBus() throws -> ServicePlan.Bus? {
        switch bus ?? Environment.value("CARILLON_BUS") {
        case nil: return nil
        case "none": return ServicePlan.Bus.none
        case "postgres": return .postgres
        case .some(let url) where url.hasPrefix("nats://") || url.hasPrefix("tls://"): return .nats(url: url)
        default: throw ValidationError("--bus, or CARILLON_BUS, is postgres, a nats:// URL, or none.")
        }
    }
}

/// How a hub works with its store, checked.
struct ServicePlan {
    enum Bus: Equatable {
        case none
        /// LISTEN and NOTIFY on the store's own server.
        case postgres
        case nats(url: String)
    }

    /// Whether other hubs may work on the store.
    var isShared = false
    /// 0: a push is refused at once.
    var storeWaitSeconds: Int
    /// A replica's postgres:// URL.
    var readStore: String?
    var bus = Bus.none
    var pollMilliseconds: Int
}
