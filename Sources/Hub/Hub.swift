internal import Dispatch
public import Logging
public import Reactor
public import Storage

/// A running hub: shards on their threads, lanes on their queues, one store.
public final class Hub: Sendable {
    public static let version = "0.1.0"

    /// Where it listens; the port is the real one when 0 was asked for.
    public let address: SocketAddress
    /// Where it tells operators of itself; nil: nowhere.
    public let operationsAddress: SocketAddress?
    private let operationsLoop = Guarded<LoopAddress<OperationsMail>?>(nil)
    let core: HubCore
    private let shards: [LoopAddress<ShardMail>]

    /// Starts the shards and listens.
    ///
    /// - Parameters:
    ///   - bus: how hubs on one store tell each other of commits; stopped with the hub. Without one, a hub whose store is
    ///     shared (``HubConfiguration/isShared``) looks at it all the time.
    ///   - pullStore: a replica of `store` from which pulls, records, listings and exports are read when it is as far as
    ///     they ask.
    /// - Throws: `ReactorError` when the address is taken or cannot be had.
    public static func start(
        store: any Store, bus: (any Bus)? = nil, pullStore: (any Store)? = nil, configuration: HubConfiguration,
        log: Logger
    ) throws(ReactorError) -> Hub {
        // No `??`: its right side cannot say what it throws.
        let listener =
            if let inherited = configuration.listener { inherited } else {
                try ListeningSocket.bind(to: configuration.address)
            }
        var operations = configuration.operationsListener
        if operations == nil, let address = configuration.operationsAddress {
            operations = try ListeningSocket.bind(to: address)
        }
        var configuration = configuration
        // A socket that was handed over decides for itself, and who may ask goes by where it is.
        configuration.address = listener.localAddress
        let core = HubCore(store: store, bus: bus, pullStore: pullStore, configuration: configuration, log: log)
        var loops = LoopConfiguration()
        loops.connectionsMax = configuration.limits.connectionsPerShardMax
        // The largest thing that is ever sent at once, a REST page or an answer with stored versions, twice over.
        loops.outboxBytesMax = 64 << 20
        // Whoever is throttled at the hub's mark must be told when there is room again.
        loops.outboxLowWaterBytes = min(loops.outboxLowWaterBytes, configuration.limits.outboxBytesMax)
        let loopConfiguration = loops
        var shards: [LoopAddress<ShardMail>] = []
        for number in 0..<configuration.shardCount {
            let shard = try EventLoop<HubShard>.start(name: "shard.\(number)", configuration: loopConfiguration) {
                HubShard(number: number, core: core, loop: $0)
            }
            shards.append(shard)
            core.add(shard)
        }
        core.begin()
        // Only now: a connection that comes in is dealt to shards that are all there.
        shards[0].post(.listen(listener))
        let hub = Hub(address: listener.localAddress, operations: operations?.localAddress, core: core, shards: shards)
        if let operations {
            let loop = try OperationsDesk.start(on: operations, core: core)
            hub.operationsLoop.withLock { $0 = loop }
        }
        var told: Logger.Metadata = [
            "address": "\(hub.address)", "shards": "\(shards.count)", "version": "\(version)",
            "tls": "\(configuration.tls != nil)",
            "connectionsMax": "\(configuration.limits.connectionsPerShardMax * shards.count)",
            "drainSeconds": "\(configuration.limits.drainSeconds)",
        ]
        if let address = hub.operationsAddress { told["operations"] = "\(address)" }
        log.info("listens", metadata: told)
        return hub
    }

    private init(
        address: SocketAddress, operations: SocketAddress?, core: HubCore, shards: [LoopAddress<ShardMail>]
    ) {
        self.address = address
        operationsAddress = operations
        self.core = core
        self.shards = shards
    }

    /// What it speaks TLS with.
    public var tls: TLSServer? { core.configuration.tls }

    /// Whether its peers speak TLS: its address is then one of https and wss.
    public var isSecure: Bool { core.configuration.tls != nil }

    /// What it has counted so far.
    public var metrics: HubMetrics { core.metrics.withLock { $0 } }

    /// Connections that it has now, of all shards.
    public var connectionCount: Int { core.connectionCount }

    /// Bytes of bodies that wait in files now, or were promised room there.
    public var spooledBytes: Int { core.spools.takenBytes }

    /// Refuses client certificates (SHA-256 of their DER) from now on, in place of those of before; what they have open
    /// ends.
    public func refuse(certificates: Set<[UInt8]>) { core.refuse(certificates: certificates) }

    /// Whether every event loop answers within `milliseconds`, and no commit has been under way for `stuckSeconds`: what a
    /// watchdog asks. A store that is away is no reason to be restarted. Blocks for as long.
    public func isAlive(milliseconds: Int, stuckSeconds: Int) -> Bool {
        core.isAlive(milliseconds: milliseconds, stuckSeconds: stuckSeconds)
    }

    /// Stops: takes no more connections and pushes, commits and answers the pushes that it has, says bye with a delay to
    /// come back, and returns when every connection is closed or ``HubLimits/drainSeconds`` have passed.
    public func stop() {
        let marks = DrainMarks(seconds: core.limits.drainSeconds)
        let before = core.connectionCount
        core.log.info("drains", metadata: ["connections": "\(before)", "seconds": "\(core.limits.drainSeconds)"])
        core.beginDrain()
        // First of all: who comes now is another hub's, or waits in systemd's socket for the next one.
        shards[0].post(.stopListening)
        core.drain(until: marks.committed)
        let emptied = DispatchSemaphore(value: 0)
        for shard in shards { shard.post(.farewell(Farewell { emptied.signal() })) }
        let emptyCount = shards.count { _ in emptied.wait(timeout: marks.emptied) == .success }
        let cutOff = core.connectionCount
        // What the shards' last words left to be written: acknowledged cursors, and who has gone.
        core.notePresence()
        core.finishReads(until: marks.written)
        core.end()
        for shard in shards { shard.stop() }
        for shard in shards { shard.join() }
        // Last of all: it has said all along that the hub stops.
        operationsLoop.withLock { $0 }?.stop()
        if emptyCount < shards.count {
            core.log.warning("drained, but for peers that did not read", metadata: ["connections": "\(cutOff)"])
        } else {
            core.log.info("drained")
        }
    }
}

/// Told when a shard has no connection left.
struct Farewell: Sendable {
    let emptied: @Sendable () -> Void
}
